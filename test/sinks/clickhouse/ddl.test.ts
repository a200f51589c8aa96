/** The tables' DDL for each place that has them; what the engine makes of the first is in the embedded store's tests. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import {
  readMigrations,
  renderStatements,
  type SchemaValues,
  SINGLE_PLACE,
  type TablePlace,
} from '../../../src/sinks/clickhouse/ddl.ts';
import { BLOCK_COLUMNS } from '../../../src/sinks/native-block-setup.ts';
import { REJECTED_COLUMNS } from '../../../src/sinks/rejected.ts';

const SCHEMA_DIR = fileURLToPath(new URL('../../../config/schema', import.meta.url));
const VALUES: SchemaValues = {
  place: SINGLE_PLACE,
  objectType: 'JSON',
  ttlDays: 365,
  rejectedTtlDays: 30,
  hasJsonPartSettings: true,
};

function ddlOf(values: Partial<SchemaValues>): string {
  const migrations = readMigrations(SCHEMA_DIR, { ...VALUES, ...values });
  return migrations.flatMap(({ statements }) => statements.map((statement) => `${statement};\n`)).join('\n');
}

const SHAPES: readonly (readonly [string, TablePlace])[] = [
  ['merge-tree', { database: 'analytics', cluster: undefined, isReplicated: false }],
  ['replicated', { database: 'analytics', cluster: undefined, isReplicated: true }],
  ['distributed', { database: 'analytics', cluster: 'main', isReplicated: true }],
];

test.each(SHAPES)('%s', async (name, place) => {
  await expect(ddlOf({ place })).toMatchFileSnapshot(`ddl/${name}.sql`);
});

test('a cluster without replicas has the single server’s tables below its Distributed ones', () => {
  const ddl = ddlOf({ place: { database: 'd', cluster: 'c', isReplicated: false } });
  expect(ddl).toContain('CREATE TABLE IF NOT EXISTS `d`.`events_local` ON CLUSTER `c`\n');
  expect(ddl).toContain("ENGINE = Distributed('c', 'd', 'events_local', cityHash64(device_id, user_id))");
  expect(ddl).toContain('SETTINGS non_replicated_deduplication_window = 10000');
  expect(ddl).not.toContain('Replicated');
});

test('older servers get String columns and no setting that they do not know', () => {
  const ddl = ddlOf({ objectType: 'String', hasJsonPartSettings: false });
  expect(ddl).toContain('event_data String,');
  expect(ddl).not.toMatch(/JSON|merge_max_dynamic/);
});

test('names are quoted, whatever they are', () => {
  const ddl = ddlOf({ place: { database: 'a`b\\c', cluster: "d'e", isReplicated: false } });
  expect(ddl).toContain("`a\\`b\\\\c`.`events_local` ON CLUSTER `d'e`");
  expect(ddl).toContain("Distributed('d\\'e', 'a`b\\\\c', 'events_local'");
});

test('every placeholder is filled, and every column that is sent is there', () => {
  for (const [, place] of SHAPES) {
    const ddl = ddlOf({ place });
    expect(ddl).not.toMatch(/\{[a-z]/);
    for (const name of [...BLOCK_COLUMNS.map((column) => column.name), ...REJECTED_COLUMNS])
      expect(ddl).toMatch(new RegExp(`^ {4}\`?${name}\`? `, 'm'));
  }
});

test('statements end at a semicolon at the end of a line; comments between them are left out', () => {
  expect(renderStatements("-- a; b\nSELECT 1;\n-- c\n{distributed x y}\nSELECT ';';\n\n", VALUES)).toEqual([
    'SELECT 1',
    "SELECT ';'",
  ]);
});

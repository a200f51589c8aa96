/** The tables of the real engine in this process, to which the same events go as Native blocks and as lines. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { INSERT_SETTINGS } from '../../src/sinks/embedded/store/block-insert.ts';
import { type Connection, openEngine, sqlString } from '../../src/sinks/embedded/store/engine.ts';
import { migrate } from '../../src/sinks/embedded/store/migrate.ts';

const OBJECT_COLUMNS = ['attribution', 'event_data', 'context'];

export interface Tables {
  /** Columns of `events` as the engine has them. */
  columns(): Promise<{ readonly name: string; readonly type: string }[]>;
  /** Empties the tables, then inserts `block` into one and `lines` into the other, each as the store does. */
  fill(block: Buffer, lines: Buffer): Promise<void>;
  /** Rows that one table has and the other has not, as text, at most three; and the counts when they differ. */
  differences(): Promise<string[]>;
  /** The same, with paths and types, when every line is inserted alone: the engine's choice for a value depends on those before it. */
  typeDifferences(lines: Buffer): Promise<string[]>;
  query(sql: string): Promise<string>;
  close(): Promise<void>;
}

/** Opens an engine of its own in a folder that goes with it. */
export async function openTables(objectType: 'JSON' | 'String'): Promise<Tables> {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-native-'));
  const engine = await openEngine(dir);
  const connection = engine.connect();
  await migrate(
    connection,
    {
      address: { socketPath: '', storeDir: dir, startId: 'test' },
      schemaDir: join(process.cwd(), 'config/schema'),
      ttlDays: 3650,
      rejectedTtlDays: 1,
      objectType,
    },
    { info() {}, warn() {}, error() {} },
  );
  await connection.run(`SET ${INSERT_SETTINGS.join(', ')}`);
  await connection.run('CREATE TABLE expected AS events');
  await connection.run('CREATE TABLE alone AS events ENGINE = Memory');
  const columns = await readColumns(connection);
  const names = columns.map(({ name }) => name).join(', ');
  const structure = columns.map(({ name, type }) => `${name} ${type}`).join(', ');

  const values = columns.map(({ name }) =>
    OBJECT_COLUMNS.includes(name) ? `toString(${name}) AS ${name}_text` : name,
  );

  let inserts = 0;
  async function insert(table: string, format: string, bytes: Buffer, settings = ''): Promise<void> {
    const path = join(dir, `${table}.bin`);
    writeFileSync(path, bytes);
    await connection.run(
      `INSERT INTO ${table} (${names}) SELECT ${names} FROM file(${sqlString(path)}, '${format}', ${sqlString(structure)}) SETTINGS insert_deduplication_token = '${inserts++}'${settings}`,
    );
  }

  const query = async (sql: string) => (await connection.run(sql)).text().trim();

  async function compare(left: string, right: string, values: readonly string[]): Promise<string[]> {
    const select = (table: string) =>
      `SELECT ${values.join(', ')}, count() AS copies FROM ${table} GROUP BY ALL`;
    const found = [];
    for (const [one, other] of [
      [left, right],
      [right, left],
    ] as const) {
      const rows = await query(
        `SELECT * FROM (${select(one)} EXCEPT ${select(other)}) ORDER BY event_id LIMIT 3 FORMAT JSONEachRow`,
      );
      if (rows !== '') found.push(`only in ${one}: ${rows}`);
    }
    const counts = await query(`SELECT (SELECT count() FROM ${left}), (SELECT count() FROM ${right})`);
    if (new Set(counts.split('\t')).size !== 1) found.push(`rows: ${counts}`);
    return found;
  }

  return {
    columns: async () => columns,
    async fill(block, lines) {
      for (const table of ['events', 'expected']) await connection.run(`TRUNCATE TABLE ${table}`);
      if (block.length > 0) await insert('events', 'Native', block);
      await insert('expected', 'JSONEachRow', lines);
    },
    differences: () => compare('events', 'expected', values),
    async typeDifferences(lines) {
      await connection.run('TRUNCATE TABLE alone');
      await insert(
        'alone',
        'JSONEachRow',
        lines,
        ', max_block_size = 1, input_format_parallel_parsing = 0, min_insert_block_size_rows = 1, min_insert_block_size_bytes = 1',
      );
      const types = OBJECT_COLUMNS.map((name) => `toString(JSONAllPathsWithTypes(${name})) AS ${name}_types`);
      return compare('events', 'alone', [...values, ...types]);
    },
    query,
    async close() {
      connection.close();
      await engine.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function readColumns(connection: Connection): Promise<{ name: string; type: string }[]> {
  const rows = await connection.run(
    "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = 'events' ORDER BY position",
    'JSONEachRow',
  );
  return rows
    .text()
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row) as { name: string; type: string });
}

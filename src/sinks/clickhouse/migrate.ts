/**
 * Makes Penstock's tables on a ClickHouse server, and brings them to the newest version: the numbered templates (ddl.ts)
 * that `penstock_schema` does not have yet run in order, then the times to live follow the configuration. Killed in
 * between, it goes on at the next run.
 */
import type { Connection } from './connection.ts';
import {
  localTable,
  onCluster,
  quoteName,
  quoteText,
  readMigrations,
  type TablePlace,
  tableName,
} from './ddl.ts';
import { readServerSkills, UnpreparedError } from './facts.ts';

export interface MigrateOptions {
  readonly place: TablePlace & { readonly database: string };
  readonly objectType: 'auto' | 'JSON' | 'String';
  readonly ttlDays: number;
  readonly rejectedTtlDays: number;
  /** Folder of the templates. */
  readonly schemaDir: string;
}

/** What is to be done, in order. */
export interface MigrationPlan {
  readonly serverVersion: string;
  readonly objectType: 'JSON' | 'String';
  /** Version of the tables now, 0 where there are none, and behind it all. */
  readonly from: number;
  readonly to: number;
  readonly statements: readonly string[];
}

/** Looks at the server and changes nothing. Rejects with the client's error, or UnpreparedError for what cannot be migrated. */
export async function planMigration(connection: Connection, options: MigrateOptions): Promise<MigrationPlan> {
  const { place } = options;
  const skills = await readServerSkills(connection);
  const objectType = chooseObjectType(options.objectType, skills);
  const tables = await readTables(connection, place.database);
  checkPlace(place, tables.get('events')?.engine);
  const from = await readSchemaVersion(connection, place, tables);
  const migrations = readMigrations(options.schemaDir, {
    place,
    objectType,
    ttlDays: options.ttlDays,
    rejectedTtlDays: options.rejectedTtlDays,
    hasJsonPartSettings: skills.hasJsonPartSettings,
  });
  const to = migrations.at(-1)?.version ?? 0;
  if (from > to) {
    throw new UnpreparedError(
      `the tables have schema version ${from}, this Penstock knows ${to}: run the newer one that made them`,
    );
  }
  const statements = [`CREATE DATABASE IF NOT EXISTS ${quoteName(place.database)}${onCluster(place)}`];
  for (const { version, file, statements: own } of migrations) {
    if (version !== 0 && version <= from) continue;
    statements.push(...own);
    if (version !== 0) {
      statements.push(
        `INSERT INTO ${tableName(place, 'penstock_schema')} (version, file) VALUES (${version}, ${quoteText(file)})`,
      );
    }
  }
  statements.push(
    ...followTtl(place, tables, 'events', options.ttlDays),
    ...followTtl(place, tables, 'events_rejected', options.rejectedTtlDays),
  );
  return { serverVersion: skills.version, objectType, from, to, statements };
}

/** Runs the plan. Rejects with the client's error at the first statement that fails; what ran before it stays. */
export async function runMigration(
  connection: Connection,
  plan: MigrationPlan,
  onStatement: (statement: string) => void,
): Promise<void> {
  for (const statement of plan.statements) {
    onStatement(statement);
    await connection.run(statement);
  }
}

function chooseObjectType(
  asked: MigrateOptions['objectType'],
  { version, hasJson }: { version: string; hasJson: boolean },
): 'JSON' | 'String' {
  if (asked === 'auto') return hasJson ? 'JSON' : 'String';
  if (asked === 'JSON' && !hasJson) {
    throw new UnpreparedError(
      `ClickHouse ${version} has no JSON columns for production; set object_type: String`,
    );
  }
  return asked;
}

interface Table {
  readonly engine: string;
  readonly ddl: string;
}

async function readTables(connection: Connection, database: string): Promise<ReadonlyMap<string, Table>> {
  const rows = await connection.select(
    `SELECT name, engine, create_table_query FROM system.tables WHERE database = ${quoteText(database)}`,
  );
  return new Map(
    rows.map(([name, engine, ddl]) => [String(name), { engine: String(engine), ddl: String(ddl) }]),
  );
}

/** Tables of one shape are not made into those of another: their rows would stay behind. */
function checkPlace(place: TablePlace, engine: string | undefined): void {
  if (engine === undefined) return;
  const isDistributed = engine === 'Distributed';
  if (isDistributed === (place.cluster !== undefined)) return;
  throw new UnpreparedError(
    isDistributed
      ? 'the table events is a Distributed one: run this with --cluster NAME, and --replicated if its shards are'
      : `the table events is of engine ${engine}, not Distributed: run this without --cluster, or rename the table`,
  );
}

async function readSchemaVersion(
  connection: Connection,
  place: TablePlace,
  tables: ReadonlyMap<string, Table>,
): Promise<number> {
  if (!tables.has('penstock_schema')) return 0;
  const rows = await connection.select(`SELECT max(version) FROM ${tableName(place, 'penstock_schema')}`);
  return Number(rows[0]?.[0] ?? 0);
}

/** The statement that changes a table's time to live, where it has another. */
function followTtl(
  place: TablePlace,
  tables: ReadonlyMap<string, Table>,
  name: string,
  days: number,
): string[] {
  const local = place.cluster === undefined ? name : `${name}_local`;
  const table = tables.get(local);
  if (table === undefined || table.ddl.includes(`toIntervalDay(${days})`)) return [];
  return [
    `ALTER TABLE ${localTable(place, name)}${onCluster(place)} MODIFY TTL toDateTime(received_at) + toIntervalDay(${days})`,
  ];
}

/**
 * Brings the tables to the newest version: every `NNNN_name.sql` of the schema folder (../../clickhouse/ddl.ts) runs once,
 * in order, and is noted in `penstock_schema` after it ran. A process killed in between runs the file again. Files are
 * never changed after a release. The TTLs follow the configuration at every start; the object type is frozen with the
 * first start of a data directory.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrations, SINGLE_PLACE } from '../../clickhouse/ddl.ts';
import { OBJECT_TYPE_FILE, type StoreLogger } from '../protocol.ts';
import { type Connection, EngineError, sqlString } from './engine.ts';
import type { StoreProcessOptions } from './store-options.ts';

export type SchemaOptions = Pick<
  StoreProcessOptions,
  'address' | 'schemaDir' | 'ttlDays' | 'rejectedTtlDays' | 'objectType'
>;

/** Runs what is missing; gives the version that the tables have then. Throws when they are of a newer Penstock. */
export async function migrate(
  connection: Connection,
  options: SchemaOptions,
  logger: StoreLogger,
): Promise<number> {
  const migrations = readMigrations(options.schemaDir, {
    place: SINGLE_PLACE,
    objectType: options.objectType,
    ttlDays: options.ttlDays,
    rejectedTtlDays: options.rejectedTtlDays,
    hasJsonPartSettings: true,
  });
  for (const { version, statements } of migrations) {
    if (version === 0) await connection.run(statements.join(';\n'));
  }
  const newest = migrations.at(-1)?.version ?? 0;
  const current = await schemaVersion(connection);
  if (current > newest) {
    throw new EngineError(
      `the tables have schema version ${current}, this Penstock knows ${newest}: start the newer one that wrote them`,
    );
  }
  for (const { version, file, statements } of migrations) {
    if (version <= current) continue;
    await connection.run(statements.join(';\n'));
    await connection.run(
      `INSERT INTO penstock_schema (version, file) VALUES (${version}, ${sqlString(file)})`,
    );
    logger.info({ schemaVersion: version, file }, 'schema migrated');
  }
  await followTtl(connection, 'events', options.ttlDays, logger);
  await followTtl(connection, 'events_rejected', options.rejectedTtlDays, logger);
  await noteObjectType(connection, options, logger);
  return newest;
}

/** Highest version that ran to its end; 0 on new tables. */
async function schemaVersion(connection: Connection): Promise<number> {
  return Number((await connection.run('SELECT max(version) FROM penstock_schema')).text());
}

/** Changes the table's TTL when the configuration says another; the engine then corrects old parts in the background. */
async function followTtl(
  connection: Connection,
  table: string,
  days: number,
  logger: StoreLogger,
): Promise<void> {
  const query = `SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = ${sqlString(table)}`;
  const ddl = (await connection.run(query)).text();
  if (ddl === '' || ddl.includes(`toIntervalDay(${days})`)) return;
  await connection.run(
    `ALTER TABLE ${table} MODIFY TTL toDateTime(received_at) + toIntervalDay(${days}) SETTINGS mutations_sync = 0`,
  );
  logger.info({ table, days }, 'time to live changed');
}

/** For the next start, whose workers encode for these columns before the engine is up (../object-type.ts). */
async function noteObjectType(
  connection: Connection,
  options: SchemaOptions,
  logger: StoreLogger,
): Promise<void> {
  const query =
    "SELECT type FROM system.columns WHERE database = currentDatabase() AND table = 'events' AND name = 'event_data'";
  const type = (await connection.run(query)).text().trim();
  const objectType = type.replace(/\(.*/s, '');
  writeFileSync(join(options.address.storeDir, OBJECT_TYPE_FILE), objectType, { mode: 0o600 });
  if (objectType !== options.objectType && type !== '') {
    logger.warn(
      { configured: options.objectType, actual: type },
      'embedded.object_type differs from the tables of this data directory, which keep theirs',
    );
  }
}

/**
 * The tables' DDL, from one set of templates (config/schema/NNNN_name.sql) for every place that has them: the embedded
 * store, one ClickHouse server, replicas, a cluster of shards. What differs stands in the templates as placeholders:
 *
 *   {table NAME}             NAME; `db`.`NAME` on a server; the shard's own table `db`.`NAME_local` in a cluster
 *   {on_cluster}             nothing, or ON CLUSTER `c`
 *   {engine}                 MergeTree or ReplicatedMergeTree, whose paths in Keeper are the server's default ones
 *   {deduplication}          the window of insert_deduplication_token, by the engine's name for it
 *   {json_part_settings}     what only servers with wide parts of JSON columns know, behind a comma
 *   {object_type} {ttl_days} {rejected_ttl_days}
 *   {distributed NAME KEY}   in a cluster the Distributed table NAME over the shards' NAME_local; elsewhere nothing
 *
 * A file may run twice, since a process may be killed behind it: IF NOT EXISTS everywhere. The file 0000 makes the table
 * of versions and runs first, always.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DEDUPLICATION_WINDOW_BLOCKS,
  DEDUPLICATION_WINDOW_SECONDS,
  JSON_DYNAMIC_PATHS_MAX,
  JSON_DYNAMIC_TYPES_MAX,
} from '../../limits.ts';

/** Where the tables stand. */
export interface TablePlace {
  /** Undefined for the connection's own. */
  readonly database: string | undefined;
  /** Name in `remote_servers` of a cluster whose shards share the rows. */
  readonly cluster: string | undefined;
  /** Whether each shard's table has replicas, over Keeper. */
  readonly isReplicated: boolean;
}

/** What fills the placeholders. */
export interface SchemaValues {
  readonly place: TablePlace;
  readonly objectType: 'JSON' | 'String';
  readonly ttlDays: number;
  readonly rejectedTtlDays: number;
  /** Whether the server knows merge_max_dynamic_subcolumns_in_wide_part. */
  readonly hasJsonPartSettings: boolean;
}

/** A numbered file. */
export interface Migration {
  readonly version: number;
  readonly file: string;
  /** Statements, in order, filled in. */
  readonly statements: readonly string[];
}

/** The one table of an embedded engine or of a single server's own database. */
export const SINGLE_PLACE: TablePlace = { database: undefined, cluster: undefined, isReplicated: false };

/** All migrations of `schemaDir` in order. Throws when the folder cannot be read. */
export function readMigrations(schemaDir: string, values: SchemaValues): Migration[] {
  return readdirSync(schemaDir)
    .filter((file) => /^[0-9]{4}_.*\.sql$/.test(file))
    .sort()
    .map((file) => ({
      version: Number(file.slice(0, 4)),
      file,
      statements: renderStatements(readFileSync(join(schemaDir, file), 'utf8'), values),
    }));
}

/** The statements of a template, filled in, without the comments between them. */
export function renderStatements(template: string, values: SchemaValues): string[] {
  return fill(template.replace(/^--.*\n/gm, ''), values)
    .split(/;[ \t]*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

function fill(sql: string, values: SchemaValues): string {
  const { place } = values;
  return sql
    .replace(/\{table (\w+)\}/g, (_match, name: string) => localTable(place, name))
    .replace(/\{distributed (\w+) ([^}]+)\}/g, (_match, name: string, key: string) =>
      distributedTable(place, name, key),
    )
    .replaceAll('{on_cluster}', onCluster(place))
    .replaceAll('{engine}', place.isReplicated ? 'ReplicatedMergeTree' : 'MergeTree')
    .replaceAll('{deduplication}', deduplication(place))
    .replaceAll(
      '{json_part_settings}',
      values.hasJsonPartSettings ? ', merge_max_dynamic_subcolumns_in_wide_part = 64' : '',
    )
    .replaceAll('{object_type}', values.objectType === 'JSON' ? JSON_TYPE : values.objectType)
    .replaceAll('{ttl_days}', String(values.ttlDays))
    .replaceAll('{rejected_ttl_days}', String(values.rejectedTtlDays));
}

const JSON_TYPE = `JSON(max_dynamic_types=${JSON_DYNAMIC_TYPES_MAX}, max_dynamic_paths=${JSON_DYNAMIC_PATHS_MAX})`;

/** The table that rows are sent to and read from, as it stands in SQL. */
export function tableName(place: TablePlace, name: string): string {
  return place.database === undefined ? name : `${quoteName(place.database)}.${quoteName(name)}`;
}

/** The table that keeps rows: another than `tableName` only in a cluster. */
export function localTable(place: TablePlace, name: string): string {
  return tableName(place, place.cluster === undefined ? name : `${name}_local`);
}

/** ` ON CLUSTER …`, or nothing. */
export function onCluster({ cluster }: TablePlace): string {
  return cluster === undefined ? '' : ` ON CLUSTER ${quoteName(cluster)}`;
}

function deduplication({ isReplicated }: TablePlace): string {
  return isReplicated
    ? `replicated_deduplication_window = ${DEDUPLICATION_WINDOW_BLOCKS}, replicated_deduplication_window_seconds = ${DEDUPLICATION_WINDOW_SECONDS}`
    : `non_replicated_deduplication_window = ${DEDUPLICATION_WINDOW_BLOCKS}`;
}

function distributedTable(place: TablePlace, name: string, key: string): string {
  if (place.cluster === undefined) return '';
  const { cluster, database } = place;
  const shards = [cluster, database ?? 'default', `${name}_local`].map(quoteText).join(', ');
  return `CREATE TABLE IF NOT EXISTS ${tableName(place, name)}${onCluster(place)} AS ${localTable(place, name)}\nENGINE = Distributed(${shards}, ${key});`;
}

/** `name` as an identifier of SQL. */
export function quoteName(name: string): string {
  return `\`${name.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** `text` as a string literal of SQL. */
export function quoteText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

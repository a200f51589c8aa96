/** What a server can do and what its tables are like: asked once it is reached, and again behind every failure that may change it. */
import { CONTENT_SETTINGS, ONE_BLOCK_SETTINGS } from '../insert-settings.ts';
import { BLOCK_COLUMNS, type JsonForm } from '../native-block-setup.ts';
import { REJECTED_COLUMNS } from '../rejected.ts';
import type { Connection, Settings } from './connection.ts';
import { quoteText } from './ddl.ts';

/** Since 22.2; without it a block that is sent again counts twice. */
const TOKEN_SETTING = 'insert_deduplication_token';
/** Since 25.6: JSON columns may come by their paths. */
const PATHS_SETTING = 'output_format_native_use_flattened_dynamic_and_json_serialization';
/** Since 25.3 the type is meant for production; this is the release in which its setting came to be on by default. */
const JSON_SETTING = 'enable_json_type';

/** Sent with every insert, as far as the server knows them. */
const INSERT_SETTINGS: Settings = {
  ...ONE_BLOCK_SETTINGS,
  ...CONTENT_SETTINGS,
  // An asynchronous insert is answered before it is one, and has no token.
  async_insert: '0',
  insert_deduplicate: '1',
  // A Distributed table answers when the shards have the rows.
  insert_distributed_sync: '1',
};

/** What of a server is needed to insert. */
export interface ServerFacts {
  readonly version: string;
  /** How blocks have their object columns; undefined where only lines fit. */
  readonly jsonForm: JsonForm | undefined;
  /** Settings of every insert. */
  readonly insertSettings: Settings;
  /** Whether `events` forgets tokens, because nobody gave it a window: a block sent again may count twice. */
  readonly forgetsTokens: boolean;
}

/** What of a server is needed to make tables. */
export interface ServerSkills {
  readonly version: string;
  readonly hasJson: boolean;
  readonly hasJsonPartSettings: boolean;
}

/** Something about the server that only people can change. */
export class UnpreparedError extends Error {
  override readonly name = 'UnpreparedError';
}

/** Rejects with the client's error, or UnpreparedError for a server or tables that cannot be inserted into. */
export async function readServerFacts(connection: Connection, database: string): Promise<ServerFacts> {
  const version = await readVersion(connection);
  const asked = [TOKEN_SETTING, PATHS_SETTING, ...Object.keys(INSERT_SETTINGS)];
  const known = await readKnown(connection, 'system.settings', asked);
  if (!known.has(TOKEN_SETTING)) throw new UnpreparedError(tooOld(version));
  const types = await readTypes(connection, database, 'events');
  checkColumns(database, 'events', types, BLOCK_COLUMNS);
  const rejectedTypes = await readTypes(connection, database, 'events_rejected');
  checkColumns(
    database,
    'events_rejected',
    rejectedTypes,
    REJECTED_COLUMNS.map((name) => ({ name, type: '' })),
  );
  return {
    version,
    jsonForm: jsonFormOf(types.get('event_data') ?? '', known.has(PATHS_SETTING)),
    insertSettings: Object.fromEntries(Object.entries(INSERT_SETTINGS).filter(([name]) => known.has(name))),
    forgetsTokens: await readForgetsTokens(connection, database),
  };
}

/** Rejects with the client's error. */
export async function readServerSkills(connection: Connection): Promise<ServerSkills> {
  const version = await readVersion(connection);
  const settings = await readKnown(connection, 'system.settings', [TOKEN_SETTING, JSON_SETTING]);
  if (!settings.has(TOKEN_SETTING)) throw new UnpreparedError(tooOld(version));
  const parts = await readKnown(connection, 'system.merge_tree_settings', [JSON_PART_SETTING]);
  return {
    version,
    hasJson: settings.has(JSON_SETTING) && isAtLeast(version, 25, 3),
    hasJsonPartSettings: parts.has(JSON_PART_SETTING),
  };
}

const JSON_PART_SETTING = 'merge_max_dynamic_subcolumns_in_wide_part';

function tooOld(version: string): string {
  return `ClickHouse ${version} is too old: it knows no ${TOKEN_SETTING}; 22.3 or newer is needed`;
}

async function readTypes(
  connection: Connection,
  database: string,
  table: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.select(
    `SELECT name, type FROM system.columns WHERE database = ${quoteText(database)} AND table = ${quoteText(table)}`,
  );
  if (rows.length === 0) {
    throw new UnpreparedError(`database ${database} has no table ${table}, or none that this user may see`);
  }
  return new Map(rows.map(([name, type]) => [String(name), String(type)]));
}

/**
 * Throws UnpreparedError for a table whose columns cannot have the blocks': every one of their rows would be refused, and
 * taken for a bad one.
 */
function checkColumns(
  database: string,
  table: string,
  types: ReadonlyMap<string, string>,
  expected: readonly { readonly name: string; readonly type: string }[],
): void {
  for (const { name, type } of expected) {
    const actual = types.get(name);
    if (actual === undefined) throw new UnpreparedError(`table ${database}.${table} has no column ${name}`);
    const family = FAMILIES.find(({ sent }) => sent.test(type));
    if (family === undefined || family.fits.test(actual)) continue;
    throw new UnpreparedError(
      `column ${name} of table ${database}.${table} is of type ${actual}; it must be ${family.words}`,
    );
  }
}

/** What a type as it is sent fits into. */
const FAMILIES = [
  {
    sent: /String/,
    fits: /^(?:LowCardinality\()?(?:Nullable\()?String\b/,
    words: 'String or LowCardinality(String)',
  },
  { sent: /^DateTime64/, fits: /^DateTime64\(/, words: "DateTime64(3, 'UTC')" },
  { sent: /^JSON/, fits: /^(?:JSON|String)\b/, words: 'JSON or String' },
] as const;

async function readVersion(connection: Connection): Promise<string> {
  return String((await connection.select('SELECT version()'))[0]?.[0] ?? '');
}

async function readKnown(
  connection: Connection,
  table: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const list = names.map(quoteText).join(', ');
  const rows = await connection.select(`SELECT name FROM ${table} WHERE name IN (${list})`);
  return new Set(rows.map(([name]) => String(name)));
}

async function readForgetsTokens(connection: Connection, database: string): Promise<boolean> {
  const [table] = await connection.select(
    `SELECT engine, create_table_query FROM system.tables WHERE database = ${quoteText(database)} AND name = 'events'`,
  );
  const [engine, ddl] = [String(table?.[0] ?? ''), String(table?.[1] ?? '')];
  // Replicated and Shared tables have a window by default; what stands behind a Distributed one is not seen from here.
  return (
    /^(?!Replicated|Shared).*MergeTree$/.test(engine) && !ddl.includes('non_replicated_deduplication_window')
  );
}

function jsonFormOf(type: string, hasPaths: boolean): JsonForm | undefined {
  if (type === 'String') return 'string';
  if (!/^JSON\b/.test(type)) return undefined;
  return hasPaths ? 'paths' : 'text';
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [ownMajor = 0, ownMinor = 0] = version.split('.').map(Number);
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}

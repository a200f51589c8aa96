/**
 * The columns of `events` as the block encoder needs them, and its setup as one list of 32-bit words and one run of
 * bytes, which native/encode/door.h reads in the order in which they are written here.
 */
import { randomBytes } from 'node:crypto';
import { CLIENT_COLUMNS, type ClientColumn } from '../event.ts';
import {
  DEPTH_MAX,
  JSON_DYNAMIC_PATHS_MAX,
  JSON_DYNAMIC_TYPES_MAX,
  NATIVE_BLOCK_KEEP_BYTES,
  NATIVE_BLOCK_PATHS_MAX,
  NATIVE_BLOCK_PLACES_BYTES_MAX,
} from '../limits.ts';

/**
 * How JSON columns are written: by their paths, which costs the engine least; as text, which it parses; or as plain
 * strings, for tables whose columns are of type String. The order is that of native/encode/columns.h.
 */
export const JSON_FORMS = ['paths', 'text', 'string'] as const;
export type JsonForm = (typeof JSON_FORMS)[number];

/** What blocks hold in object columns of a type. */
export function jsonFormOf(objectType: 'JSON' | 'String'): JsonForm {
  return ({ JSON: 'paths', String: 'string' } as const)[objectType];
}

/** In the order of native/encode/columns.h. */
const COLUMN_KINDS = ['text', 'dictionary', 'folded', 'time', 'json'] as const;
type ColumnKind = (typeof COLUMN_KINDS)[number];

/** Columns that the server fills, behind the client's in every line. */
type ServerColumn = 'ip' | 'user_agent' | 'received_at' | 'dialect' | 'transport';

/** The kinds of the columns of `events` (config/schema/0001_events.sql). */
const KINDS: Record<ClientColumn | ServerColumn, ColumnKind> = {
  event_id: 'text',
  event_type: 'dictionary',
  app_id: 'dictionary',
  device_id: 'text',
  user_id: 'text',
  session_id: 'text',
  timestamp: 'time',
  platform: 'dictionary',
  os_version: 'dictionary',
  app_version: 'dictionary',
  attribution: 'json',
  event_data: 'json',
  context: 'json',
  // Strings in the table; all events of a request share them, so a block is a third shorter with each of them once.
  ip: 'folded',
  user_agent: 'folded',
  received_at: 'time',
  dialect: 'dictionary',
  transport: 'dictionary',
};

/** By kind; a type that is not the table's costs a conversion, no more. */
const TYPES: Record<ColumnKind, string> = {
  text: 'String',
  dictionary: 'LowCardinality(String)',
  folded: 'String',
  time: "DateTime64(3, 'UTC')",
  json: `JSON(max_dynamic_types=${JSON_DYNAMIC_TYPES_MAX}, max_dynamic_paths=${JSON_DYNAMIC_PATHS_MAX})`,
};

/** Names and types that a block's header has, in order; JSON columns under the forms paths and text. */
export const BLOCK_COLUMNS: readonly { readonly name: string; readonly type: string }[] = Object.entries(
  KINDS,
).map(([name, kind]) => ({ name, type: TYPES[kind] }));

export interface BlockOptions {
  readonly jsonForm: JsonForm;
  /** A block that has about so many bytes is full; the lines of one call may take it beyond by those of 1,024 rows. */
  readonly bytesMax: number;
  /** As many rows as make a block full, with the same grain. */
  readonly rowsMax: number;
}

export interface BlockSetup {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/** The setup as native/encode/door.h reads it. */
export function encodeBlockSetup({ jsonForm, bytesMax, rowsMax }: BlockOptions): BlockSetup {
  const columns = Object.entries(KINDS);
  const words: number[] = [
    JSON_FORMS.indexOf(jsonForm),
    JSON_DYNAMIC_TYPES_MAX,
    JSON_DYNAMIC_PATHS_MAX,
    NATIVE_BLOCK_PATHS_MAX,
    DEPTH_MAX,
    NATIVE_BLOCK_PLACES_BYTES_MAX,
    rowsMax,
    bytesMax,
    NATIVE_BLOCK_KEEP_BYTES,
    // The seed of the dictionaries' tables: no client can know which values collide.
    ...new Uint32Array(Uint8Array.from(randomBytes(16)).buffer),
    CLIENT_COLUMNS.length,
    columns.length,
  ];
  const texts: Buffer[] = [];
  for (const [index, [name, kind]] of columns.entries()) {
    words.push(COLUMN_KINDS.indexOf(kind));
    for (const text of [`${index === 0 ? '{' : ','}"${name}":`, name, TYPES[kind]]) {
      const bytes = Buffer.from(text);
      words.push(bytes.length);
      texts.push(bytes);
    }
  }
  return { words: Uint32Array.from(words), bytes: Buffer.concat(texts) };
}

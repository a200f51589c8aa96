/**
 * The canonical event: the columns that every dialect is mapped to, in the order in which a canonical line
 * carries them. The ClickHouse type of each stands in `config/schema/`; the rules in docs/events.md.
 */

/** What a column accepts, and how the scanner reads it. */
export const ColumnKind = {
  /** A JSON string of `bytesMin`–`bytesMax` bytes of UTF-8. */
  text: 'text',
  /** A number (s, ms, µs or ns by magnitude) or an ISO 8601 string. */
  timestamp: 'timestamp',
  /** A JSON object, kept as sent but for white space. */
  object: 'object',
} as const;
export type ColumnKind = (typeof ColumnKind)[keyof typeof ColumnKind];

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** Bounds of a text column in bytes of UTF-8 after unescaping; 0 for the other kinds. */
  readonly bytesMin: number;
  readonly bytesMax: number;
}

function text<Name extends string>(name: Name, bytesMin: number, bytesMax: number) {
  return { name, kind: ColumnKind.text, bytesMin, bytesMax };
}
function object<Name extends string>(name: Name) {
  return { name, kind: ColumnKind.object, bytesMin: 0, bytesMax: 0 };
}

/** The columns that a client can fill, in canonical order. */
export const CLIENT_COLUMNS = [
  text('event_id', 1, 128),
  text('event_type', 1, 128),
  text('app_id', 1, 128),
  text('device_id', 0, 256),
  text('user_id', 0, 256),
  text('session_id', 0, 256),
  { name: 'timestamp', kind: ColumnKind.timestamp, bytesMin: 0, bytesMax: 0 },
  text('platform', 0, 64),
  text('os_version', 0, 64),
  text('app_version', 0, 64),
  object('attribution'),
  object('event_data'),
  object('context'),
] as const satisfies readonly Column[];

export type ClientColumn = (typeof CLIENT_COLUMNS)[number]['name'];
/** Client columns that hold a JSON object. */
export type ObjectColumn = 'attribution' | 'event_data' | 'context';
/** Client columns that hold a text or a time. */
export type ScalarColumn = Exclude<ClientColumn, ObjectColumn>;

/** Index of a client column in CLIENT_COLUMNS. */
export const ColumnIndex = Object.fromEntries(
  CLIENT_COLUMNS.map((column, index) => [column.name, index]),
) as {
  readonly [Name in ClientColumn]: number;
};

/** Timestamps outside [2000-01-01, 2100-01-01) are rejected: a wrong unit or a dead clock, never an event. */
export const TIMESTAMP_MS_MIN = Date.UTC(2000, 0, 1);
export const TIMESTAMP_MS_END = Date.UTC(2100, 0, 1);

/** How an event came in; the value of the `transport` column, by index in the frame row. */
export const TRANSPORTS = ['http', 'ws'] as const;
export const Transport = { http: 0, ws: 1 } as const;

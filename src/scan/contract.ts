/**
 * The scanner's contract. `src/scan/reference/` is its specification in TypeScript; a native scanner must give
 * the same bytes for every input.
 *
 * In: a slab's frames. A frame is one HTTP body or one WebSocket message.
 * Out: canonical lines, a record a line, an error a rejected event, and each frame's verdict in its row.
 *
 * Shapes. A UTF-8 byte order mark and white space before the first byte are skipped. Then, by that byte:
 *   `{`  one event; or, on a route of shape batch, an envelope when a top-level key of the dialect's envelope
 *        keys holds an array and no fault stands before it; or NDJSON when the first value, as its brackets
 *        tell, is followed by a newline and another byte that is not white space
 *   `[`  the events are its elements (routes of shape batch; else not_an_object)
 *   else invalid_json; and empty_body when there is no byte
 * Anything else but white space behind the end is trailing_bytes. An empty array is a batch of no events.
 * The events of an envelope are those of the first such array. Its other fields but secrets go into the rest
 * column of each of its events, behind the event's own, when they are at most ENVELOPE_FIELDS_BYTES_MAX long as a
 * line carries them (`"key":value`, commas between); else the frame is refused with envelope_too_large. Faults in
 * these fields refuse the frame and are looked for before its events; invalid_utf8 in its bytes beside the array first.
 *
 * Events stand alone. Where the brackets outside of strings still balance, a fault inside an event rejects that
 * event only: the scanner goes on behind the bracket that closes it, counting `{` and `[` alike, `}` and `]`
 * alike. In NDJSON every line stands alone, white space around it not counted as its own; there trailing_bytes
 * is a fault of the line. A value or line that does not begin with `{` is not_an_object and not looked into: it
 * ends with its bracket, its quote, or before white space or one of `{}[]",:`. Where the end of an event cannot
 * be found, the frame is refused whole with invalid_json. More than `batchEventsMax` events, of the setup or of the
 * program, whichever is more, accepted or not: refused whole with batch_too_large. Lines that would take the
 * slab's over LINES_BYTES_MAX, when other frames' lines stand before them: refused whole with overloaded. A refused
 * frame leaves no line, no record and no id taken from `ids`; it leaves one error row with index 0 and the whole
 * body, unless its reason keeps no dead letter (outcome.ts); its accepted and rejected are 0. A frame that comes
 * with a reason is refused for it.
 *
 * Order of faults. invalid_utf8 anywhere in an event's bytes comes first. Else the first fault reading left to
 * right is its reason: invalid_json, too_deep (at the bracket), duplicate_key (at the end of the second key;
 * keys are compared unescaped, on every level), too_many_keys (there too), number_out_of_range (at the end of
 * the number). Only an event that is whole is then checked by column, in canonical order, by the source that wins
 * it: invalid_type, invalid_length, invalid_timestamp, timestamp_out_of_range; missing_field last, in the order of
 * the dialect's list. Empty texts do not count as device_id or user_id.
 *
 * Sources (dialects/dialect.ts). Of a column's sources the first wins whose guards hold and whose value is there
 * and not null; a constant always is. A value that does not begin with `after`, or that begins with `unless`, is
 * passed over like an absent one; both are compared with the raw bytes of a text. Lenient dialects also pass over
 * what does not fit: another type, a text that is empty or of a length that the column does not take, what is no
 * time or none in range; numbers are texts there and stand in the line quoted, spelt as they were sent. A column
 * of paths that holds an object passes over in lenient dialects what is no object.
 * A guard compares texts unescaped, numbers and booleans by their spelling; what is absent or null is the text that
 * the route gives to the path, if any. Paths of the envelope are absent where there is none.
 *
 * Times. When the timestamp comes from a source that is not `exact` and one of `sentAt`, best first, is a time in
 * range, skew is the received time less that; if it is more than SKEW_DEAD_ZONE_MS either way it is added to the
 * time, unless that would leave the range. In lenient dialects a time more than EVENT_FUTURE_MS_MAX after the
 * received time then gives way to it, and its source counts as one that lost.
 *
 * Composed objects. Parts follow each other; one is there when its guards hold, its value is not null and, of
 * `each`, an object. Members of `each` keep their order, and their nulls. A key that stands in the object already
 * is renamed by `_` before it, until free. Fields of the rest follow behind the parts.
 *
 * Values. null is absent. Text columns take strings only. Integers must fit Int64 or UInt64, other numbers must
 * be finite doubles; their text is kept. An escaped lone surrogate becomes `\ufffd`, in keys before they are
 * compared, and is counted once where it stands in an accepted event or in the fields of an envelope that is
 * not refused. With a write key the event's app is the key's, and its own app_id is not checked; one that is
 * not that name goes into the rest column.
 *
 * Canonical line: one JSON object and a newline, no white space outside strings, strings escaped as the client
 * sent them, keys in the order of event.ts:
 *   event_id (always, UUIDv7 of `ids` and the received time when the client sent none), event_type, app_id, device_id?, user_id?,
 *   session_id?, timestamp (always, `YYYY-MM-DDThh:mm:ss.mmmZ`), platform?, os_version?, app_version?,
 *   attribution?, event_data?, context?, ip?, user_agent?, received_at, dialect, transport
 * event_type and app_id are there because every dialect requires them; a table that did not could leave them out.
 * An absent column has no key; so has an empty object or an empty string. Fields of the rest are the top-level
 * fields that no column took whole: those without a path to themselves, whatever their value, and sources, guards
 * and parts that are not null and did not win; secrets never. A source that was cut or quoted, and `each` of all
 * members, take a field whole; a part that selects members, and paths into a field, do not. They follow the
 * client's own keys of that object in the order sent; one whose key is taken there is renamed by `_` before it,
 * until free. ip is a dotted quad (IPv4, also within IPv6) or RFC 5952 text. user_agent is escaped as JSON.stringify
 * does, after each maximal ill-formed sequence became U+FFFD. Both are left out of events for which the dialect's
 * `direct` does not hold.
 *
 * Claims. Where the program has some, an event may say ip and user_agent itself, each by the first of its claims whose
 * guards hold and whose value fits: a text, unescaped, that is a dotted quad without leading zeros, or an IPv6 address as
 * RFC 4291 spells them (also ::ffff:1.2.3.4), and nothing else; or a text of 1 to USER_AGENT_BYTES_MAX bytes. What does
 * not fit is passed over and no fault. A claim that wins stands before the connection's value, `direct` or not, written
 * as that is, but a user agent's escapes as the client sent them; it takes its field of the root whole. Of an address the
 * bytes beyond those that ClaimPrivacy keeps become 0 (of ::ffff:1.2.3.4 as of 1.2.3.4). What is not kept at all is left
 * out, the connection's value too.
 */
import type { Program } from '../dialects/program.ts';
import type { UuidSource } from './uuid.ts';

/** Words of a record row; `timestampMs` is a float64 at index `row * RECORD_WORDS / 2 + 2` of the same buffer. */
export const RECORD_WORDS = 8;
export const RecordWord = {
  lineOffset: 0,
  /** Bytes of the line, its newline included. */
  lineLength: 1,
  /** murmur2 as Kafka's Java client computes it, over device_id, or user_id where there is none, unescaped. */
  keyHash: 2,
  /** The app's index in the configuration; 0 in open mode. */
  app: 3,
  timestampMs: 4,
  /** murmur2 over event_id, unescaped, with Kafka's seed and with 0x6a09e667: the dedup window's first look. */
  idHashLow: 6,
  idHashHigh: 7,
} as const;

/** Words of an error row: one a rejected event, or one a refused frame. */
export const ERROR_WORDS = 8;
export const ErrorWord = {
  frame: 0,
  /** The event's place in its frame, from 0; lines in NDJSON, empty lines not counted. */
  index: 1,
  /** Number of the reason (outcome.ts). */
  reason: 2,
  /** Index into the program's `fields`, or FIELD_NONE. */
  field: 3,
  /** Where the raw bytes stand: source as in the frame row, offset and length in it. */
  source: 4,
  offset: 5,
  length: 6,
} as const;
export const FIELD_NONE = 0xffff_ffff;

/** What is written of an address and a user agent that an event says of itself. */
export interface ClaimPrivacy {
  /** Leading bytes of an address, behind which its bytes are written as 0; of 0 bytes nothing is written. */
  readonly ipv4BytesKept: number;
  readonly ipv6BytesKept: number;
  readonly keepsUserAgent: boolean;
}

/** What stays the same from slab to slab. */
export interface ScanSetup {
  /** By a frame row's `route`. */
  readonly programs: readonly Program[];
  /** App names by a frame row's `app`; index 0 is open mode and unused. */
  readonly apps: readonly string[];
  readonly batchEventsMax: number;
  readonly ids: UuidSource;
  /** Where programs have claims; absent keeps all. */
  readonly claimPrivacy?: ClaimPrivacy | undefined;
}

export interface ScanJob {
  /** Words of the slab: header, frame rows (slab/layout.ts). The scanner writes the verdict words. */
  readonly words: Uint32Array;
  /** Base time of the slab, ms since 1970. */
  readonly baseTimeMs: number;
  /** VIEWS, by a frame row's `source`: the slab's bytes, the arena of decompressed bodies. */
  readonly sources: readonly [Uint8Array, Uint8Array];
}

/**
 * Owned by the caller and used again for every slab; the scanner empties it first and grows it as needed.
 * Everything in it is valid until the next scan into it.
 */
export interface ScanOutput {
  lines: Buffer;
  lineBytes: number;
  records: Uint32Array;
  recordCount: number;
  errors: Uint32Array;
  errorCount: number;
  /** Escaped lone surrogates that became U+FFFD, over all frames. */
  surrogatesReplaced: number;
}

export interface Scanner {
  readonly name: 'reference' | 'native';
  /** Scans all frames of `job` into `output` and writes reason, accepted, rejected and recordStart of each row. Never throws for bad input. */
  scan(job: ScanJob, output: ScanOutput): void;
}

/** An empty output, sized for one slab of ordinary events. */
export function createScanOutput(): ScanOutput {
  return {
    lines: Buffer.allocUnsafeSlow(2 * 1024 * 1024),
    lineBytes: 0,
    records: new Uint32Array(4096 * RECORD_WORDS),
    recordCount: 0,
    errors: new Uint32Array(256 * ERROR_WORDS),
    errorCount: 0,
    surrogatesReplaced: 0,
  };
}

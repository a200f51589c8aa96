/**
 * Every way in which a request, a frame or an event can be refused: one row a reason decides the HTTP status,
 * the metric label (the reason itself), whether the bytes go to `events_rejected`, and whether the client
 * should send again. Bad input and failing sinks are outcomes; only a bug throws.
 *
 * A reason's number, as worker threads write it into shared memory, is its place in REASONS; 0 means accepted.
 */
interface OutcomeRow {
  /** HTTP status of a request that is refused for this reason, or whose every event is. */
  readonly status: 400 | 401 | 403 | 404 | 405 | 413 | 415 | 429 | 503;
  /** One sentence for people: what is wrong and what to do. `{field}` stands for the field's name. */
  readonly message: string;
  /** Kept in `events_rejected`: true when the client cannot be expected to still hold the bytes or mend them. */
  readonly deadLetter: boolean;
  /** The same bytes may be accepted later; answered with Retry-After. */
  readonly retry: boolean;
}

const REQUEST = { deadLetter: false, retry: false } as const;
const RETRY = { status: 503, deadLetter: false, retry: true } as const;
const EVENT = { status: 400, deadLetter: true, retry: false } as const;

const OUTCOMES = {
  not_found: {
    ...REQUEST,
    status: 404,
    message: 'no such route; events go to POST /v1/events or /v1/events/batch',
  },
  method_not_allowed: {
    ...REQUEST,
    status: 405,
    message: 'this route takes the methods in the Allow header',
  },
  unauthorized: { ...REQUEST, status: 401, message: 'the write key is missing or unknown' },
  forbidden_origin: { ...REQUEST, status: 403, message: 'this origin may not send events for this app' },
  unsupported_media_type: {
    ...REQUEST,
    status: 415,
    message: 'Content-Encoding must be gzip, deflate, br, identity, or zstd where the runtime has it',
  },
  unknown_ack_level: {
    ...REQUEST,
    status: 400,
    message: 'Penstock-Ack (or ?ack=) must be journal, fsync or delivered',
  },
  ack_level_unavailable: {
    ...REQUEST,
    status: 400,
    message: 'this server keeps events in memory (journal.durability) and promises no more than that',
  },
  body_too_large: {
    ...REQUEST,
    status: 413,
    message: 'the body is over the byte limit; send smaller batches',
  },
  batch_too_large: { ...REQUEST, status: 400, message: 'too many events in one batch; send smaller batches' },
  empty_body: {
    ...REQUEST,
    status: 400,
    message: 'the body is empty; send a JSON object, an array or NDJSON',
  },
  overloaded: {
    ...RETRY,
    message: 'the server is at its memory budget; send again after Retry-After seconds',
  },
  keys_unread: {
    ...RETRY,
    message: 'the registry of write keys cannot be reached yet; send again after Retry-After seconds',
  },
  rate_limited: {
    ...RETRY,
    status: 429,
    message: 'the app or the write key sends more events than it may; send again after Retry-After seconds',
  },
  worker_lost: { ...RETRY, message: 'the thread that worked on this request died; send it again' },
  draining: { ...RETRY, message: 'the server is shutting down; send again to another one' },

  invalid_compression: { ...EVENT, message: 'the compressed body is damaged or cut short' },
  invalid_json: { ...EVENT, message: 'not valid JSON' },
  invalid_utf8: { ...EVENT, message: 'not valid UTF-8' },
  trailing_bytes: { ...EVENT, message: 'bytes after the end of the JSON value' },
  too_deep: { ...EVENT, message: 'nested deeper than 64 levels' },
  too_many_keys: { ...EVENT, message: 'one event has too many keys' },
  duplicate_key: { ...EVENT, message: 'a key stands twice in one object' },
  number_out_of_range: { ...EVENT, message: 'a number is beyond 64-bit integers and doubles' },
  not_an_object: { ...EVENT, message: 'an event must be a JSON object' },
  envelope_too_large: { ...EVENT, message: 'the fields beside the events are over the byte limit' },
  missing_field: { ...EVENT, message: '{field} is required' },
  invalid_type: { ...EVENT, message: '{field} has the wrong JSON type' },
  invalid_length: { ...EVENT, message: '{field} is empty or too long' },
  invalid_timestamp: { ...EVENT, message: '{field} must be s, ms, µs or ns since 1970, or ISO 8601' },
  timestamp_out_of_range: { ...EVENT, message: '{field} must lie between the years 2000 and 2100' },
  refused_by_sink: { ...EVENT, message: 'accepted, but refused by a sink for its content' },
} as const satisfies Record<string, OutcomeRow>;

/** A stable code: clients, metrics and `events_rejected` all carry this word. */
export type Reason = keyof typeof OUTCOMES;

/** HTTP status of a refusal. */
export type Status = OutcomeRow['status'];

/** Reasons by number; index 0 is "accepted" and has no reason. */
export const REASONS: readonly Reason[] = ['' as Reason, ...(Object.keys(OUTCOMES) as Reason[])];

/** Numbers by reason, for the words that worker threads write. */
export const ReasonNumber = Object.fromEntries(REASONS.map((reason, number) => [reason, number])) as {
  readonly [Name in Reason]: number;
};

/** The row of a reason. */
export function outcome(reason: Reason): OutcomeRow {
  return OUTCOMES[reason];
}

/**
 * A dialect is data: one table that says how the JSON of an SDK family becomes canonical events. The scanners
 * follow the compiled table (compile.ts) and know no dialect by name; adding an SDK of a known shape adds a table
 * and nothing else.
 *
 * A path is keys joined by dots, from the event's root (`context.os.version`), or from the root of the envelope
 * around the event when it begins with `^` (`^sentAt`). The text of a path is also the `field` of an error answer.
 */
import type { ClientColumn, ObjectColumn, ScalarColumn } from '../event.ts';
import type { Reason, Status } from '../outcome.ts';

/** What a route takes: one object, or any of object, array, envelope and NDJSON. */
export const Shape = { single: 'single', batch: 'batch' } as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

/** Small steps that make JSON of bodies that are none (src/unwrap/, a file each). */
export const DECODERS = [
  'form',
  'fields',
  'list',
  'operation',
  'snowplow',
  'cloudevents',
  'clickIds',
] as const;
export type DecoderName = (typeof DECODERS)[number];

export interface DialectRoute {
  readonly path: string;
  readonly shape: Shape;
  /** Events may come in the query string of a GET too. */
  readonly get?: boolean;
  /**
   * Texts that this route gives to paths which the event itself does not fill: `/v1/track` says that `type` is
   * `track`. They hold for the sources and the guards of that path.
   */
  readonly defaults?: Readonly<Record<string, string>>;
}

/** A text, number or boolean that a value in a body is compared with: texts unescaped, numbers by their spelling. */
export type Literal = string | number | boolean;

/**
 * A condition on the value at a path: that it is one of these, or none of them. A value that is absent, null or of
 * another type is none of them.
 */
export interface Guard {
  readonly path: string;
  readonly is?: readonly Literal[];
  readonly isNot?: readonly Literal[];
}

/** One condition, or several that must all hold. */
export type Guards = Guard | readonly Guard[];

/** Where a text or time may come from. A bare path is `{ path }`. */
export type Source = string | PathSource | ConstantSource;

export interface PathSource {
  readonly path: string;
  readonly when?: Guards;
  /**
   * Takes only texts that begin with this, and of them what stands behind it. Compared with the text as it was
   * sent: it may hold no byte that JSON lets a client escape otherwise than by `\u`, and no SDK does that.
   */
  readonly after?: string;
  /** Takes no texts that begin with this; compared as `after` is. */
  readonly unless?: string;
  /** A time that is right by the server's clock already: no skew correction. */
  readonly exact?: boolean;
}

/** Not for event_id, device_id, user_id and timestamp, which tell events and people apart. */
export interface ConstantSource {
  readonly constant: string;
  readonly when?: Guards;
}

/**
 * A part of a composed object. Keys that meet another part's get underscores before them, as the rest column's do.
 *   `member`  the value at the path, unless it is null, under the path's last key or `as`
 *   `each`    the members of the object at the path as they were sent, nulls too: those whose keys are in `keys`
 *             (`utm_*` is every key that begins so; none given is all) and whose values are not in `isNot`, renamed
 *             by `rename`, the others with `prefix` before their keys
 */
export type Part = MemberPart | EachPart;

export interface MemberPart {
  readonly member: string;
  readonly as?: string;
  readonly when?: Guards;
}

export interface EachPart {
  readonly each: string;
  readonly keys?: readonly string[];
  readonly isNot?: readonly (Literal | null)[];
  readonly rename?: Readonly<Record<string, string>>;
  readonly prefix?: string;
  readonly when?: Guards;
}

/** Where an object column comes from: the first path present, as sent; or a new object made of parts. */
export type ObjectSource = readonly string[] | { readonly compose: readonly Part[] };

/** Where in a body its write key may stand: paths of the envelope's own fields, and of an event's, best first. */
export interface BodyKeys {
  readonly envelope?: readonly string[];
  readonly event?: readonly string[];
  /** They are looked at also when the head has a key, which is not known: it is another one's. */
  readonly isBeforeHead?: boolean;
}

/**
 * What a body gets of its request's head: values of headers and of query fields under keys of the body's root. Where
 * the body is a list, of an envelope around it. `carries` names further headers, and `ce-*` all that begin so, for
 * decoders.
 */
export interface HeadRule {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly carries?: readonly string[];
}

/** A path at which an event says something of itself. */
export type Claim = string | { readonly path: string; readonly when?: Guards };

export interface Dialect {
  /** Value of the `dialect` column. */
  readonly name: string;
  /** POST routes, each taken with and without a trailing slash. */
  readonly routes: readonly DialectRoute[];
  /** Where a write key may stand beside the places that all dialects share (admission/write-key.ts). */
  readonly keyPlaces?: { readonly headers?: readonly string[]; readonly query?: readonly string[] };
  /** Where else it may stand; looked for by the worker, when the head of a request has no key. */
  readonly bodyKeys?: BodyKeys;
  /** What is done with a body before it is scanned, in this order. */
  readonly decoders?: readonly DecoderName[];
  readonly head?: HeadRule;
  /** Keys under which a body of shape `batch` may carry its array of events. */
  readonly envelopeKeys: readonly string[];
  /** Events a batch, when SDKs of this family send more than the configuration allows; the larger of both counts. */
  readonly batchEventsMax?: number;
  /** For each canonical column its sources, best first: the first that is there wins. */
  readonly columns: {
    readonly [Name in ScalarColumn]?: readonly Source[];
  } & { readonly [Name in ObjectColumn]?: ObjectSource };
  /**
   * When the client's own clock said that the event was sent: the first of these that is a time. The time of an
   * event is then shifted by how far that clock is from the server's, when it is more than SKEW_DEAD_ZONE_MS.
   */
  readonly sentAt?: readonly string[];
  /**
   * SDKs of this family cannot mend an event that is refused. Sources that do not fit their column (of another
   * type, too long, empty, no time) are passed over and left to the rest column, and numbers are taken as texts. A
   * time more than EVENT_FUTURE_MS_MAX ahead of the server's clock gives way to the time of arrival.
   */
  readonly lenient?: boolean;
  /**
   * Fields of the event's or the envelope's root that are never kept, such as write keys. One may be a source of
   * app_id, for servers without configured keys. Events that are rejected are kept as they were sent, keys and all.
   */
  readonly secrets?: readonly string[];
  /** The event is from the browser or phone that holds the connection, so that `ip` and `user_agent` are its own; absent is always. */
  readonly direct?: Guards;
  /**
   * Where an event says its own address and user agent, best first. Looked at only where the configuration lets events say
   * so (`privacy.from_events`), and then also for events that are not `direct`.
   */
  readonly claims?: { readonly ip?: readonly Claim[]; readonly user_agent?: readonly Claim[] };
  /** The object column that takes top-level fields which no path names; nothing a client sent is dropped. */
  readonly rest: ObjectColumn;
  /** Columns that must be there; of an inner list, any one. */
  readonly required: readonly (ClientColumn | readonly ClientColumn[])[];
  /** Its SDKs never send again: they are taken when others are already asked to come back (limits.ts, RESERVE_SHARE). */
  readonly cannotRetry?: boolean;
  /** How this family is answered; absent is Penstock's own way (README). */
  readonly answers?: Answers;
}

/** Answers of a family whose SDKs take any 4xx as "drop the batch": a body that can be read is always answered so. */
export interface Answers {
  /** 200 body, whatever became of its events: those refused are in the dead letters. */
  readonly ok: Answer;
  /** … and of a GET, if that is another one. */
  readonly okOfGet?: Answer;
  /** 200 bodies of requests whose query has this field with this value; the first counts. */
  readonly variants?: readonly { readonly query: string; readonly is: string; readonly ok: Answer }[];
  /** HTTP statuses of requests refused whole, where these SDKs take another one better than that of outcome.ts. */
  readonly statuses?: { readonly [Name in Reason]?: Status };
  /** SDKs of this family read a JSON body with the status as a number; absent is a problem document. */
  readonly refusal?: 'numeric';
  /** Members of a 200 that name the events which were rejected, as lists of their places by field. */
  readonly partial?: { readonly missing: string; readonly invalid: string };
}

export interface Answer {
  readonly type: string;
  /** `{accepted}`, `{bytes}` and `{now}` stand for the events taken, the bytes of the body and the time in ms. */
  readonly body: string | Uint8Array;
}

/** A 200 of JSON. */
export function jsonAnswer(body: string): Answer {
  return { type: 'application/json', body };
}

/** The smallest transparent image, for requests that an `img` made. */
export const PIXEL: Answer = {
  type: 'image/gif',
  body: Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
};

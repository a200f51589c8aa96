/**
 * What of a request's head a worker needs, for dialects that put a part of their events there: it stands before the
 * body in the slab, as JSON, and the frame's encoding word counts its bytes.
 */
import { ENCODING_BITS } from './layout.ts';

/** A part of a request's head. */
export interface CarriedHead {
  /** The query string as it was sent, without the question mark. */
  readonly query: string;
  /** Values by name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What frames have that carry nothing. */
export const NO_HEAD: CarriedHead = { query: '', headers: {} };
/** Bytes that the encoding word can count. */
const CARRIED_BYTES_MAX = 2 ** (32 - ENCODING_BITS) - 1;

/** The bytes that go before the body. A head is bounded by REQUEST_HEAD_BYTES_MAX, its JSON by six times that. */
export function writeCarried(head: CarriedHead): Buffer {
  const bytes = Buffer.from(JSON.stringify(head));
  return bytes.length <= CARRIED_BYTES_MAX ? bytes : Buffer.from(JSON.stringify(NO_HEAD));
}

/** The head that stands in `slab` from `start` to `end`; NO_HEAD for none. COPY. */
export function readCarried(slab: Buffer, start: number, end: number): CarriedHead {
  return start === end ? NO_HEAD : (JSON.parse(slab.toString('utf8', start, end)) as CarriedHead);
}

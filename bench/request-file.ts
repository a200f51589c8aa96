/**
 * Requests that are encoded before a round, and what of them changes while it runs: the event ids. A server that drops
 * repeats would otherwise store nothing behind the first round.
 *
 * The file is requests one behind the other: bytes u32, events u32, messages u32, count of ids u32, the offset of each id
 * u32, then the bytes; numbers little endian. An id is a UUID; its first group becomes the run's number and its last one a counter.
 */
import { readFileSync } from 'node:fs';

/** Penstock's own, and Segment's. */
const ID_MARKS = ['"event_id":"', '"messageId":"'].map((mark) => Buffer.from(mark));
const COUNTER_OFFSET = 24;
const COUNTER_DIGITS = 12;
const RUN_DIGITS = 8;
const ZERO = 0x30;

/** Words before the offsets. */
const HEAD_WORDS = 4;
const WORD_BYTES = 4;

/** What is sent in one write. */
export interface Request {
  readonly bytes: Buffer;
  readonly events: number;
  /** WebSocket messages; 1 for HTTP. */
  readonly messages: number;
}

export interface RequestTemplate extends Request {
  readonly idOffsets: Uint32Array;
}

/** The file's bytes for `requests`. */
export function encodeRequestFile(requests: readonly Request[]): Buffer {
  return Buffer.concat(
    requests.flatMap(({ bytes, events, messages }) => {
      const offsets = findIds(bytes);
      const head = Uint32Array.of(bytes.length, events, messages, offsets.length, ...offsets);
      return [Buffer.from(head.buffer), bytes];
    }),
  );
}

/** The requests of the file. COPIES: a connection writes ids into those that it sends. */
export function readRequestFile(path: string): RequestTemplate[] {
  const file = readFileSync(path);
  const found: RequestTemplate[] = [];
  for (let at = 0; at < file.length; ) {
    const word = (index: number) => file.readUInt32LE(at + index * WORD_BYTES);
    const idOffsets = Uint32Array.from({ length: word(3) }, (_, index) => word(HEAD_WORDS + index));
    const start = at + (HEAD_WORDS + idOffsets.length) * WORD_BYTES;
    const end = start + word(0);
    found.push({
      bytes: Buffer.from(file.subarray(start, end)),
      events: word(1),
      messages: word(2),
      idOffsets,
    });
    at = end;
  }
  return found;
}

/** A copy of its own, for bytes that may still be on their way when the request is used again. */
export function copyTemplate(template: RequestTemplate): RequestTemplate {
  return { ...template, bytes: Buffer.from(template.bytes) };
}

/** Gives ids from counters: each is given out once a process, and the run's number tells processes apart. */
export class IdStamper {
  readonly #run: Buffer;
  #next = 0;

  constructor(run: number) {
    this.#run = Buffer.from(run.toString(16).padStart(RUN_DIGITS, '0').slice(-RUN_DIGITS), 'latin1');
  }

  /** Writes a new id into each of the request's events. */
  stamp({ bytes, idOffsets }: RequestTemplate): void {
    for (const offset of idOffsets) {
      bytes.set(this.#run, offset);
      let rest = this.#next++;
      for (let digit = COUNTER_DIGITS - 1; digit >= 0; digit--) {
        bytes[offset + COUNTER_OFFSET + digit] = ZERO + (rest % 10);
        rest = Math.floor(rest / 10);
      }
    }
  }
}

function findIds(bytes: Buffer): number[] {
  const offsets: number[] = [];
  for (const mark of ID_MARKS) {
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + 1)) {
      offsets.push(at + mark.length);
    }
  }
  return offsets;
}

/**
 * Finds the rows for which a target refuses a block: sends its halves, and of those that are refused the halves
 * again, down to single rows. Everything else is delivered on the way, each part under a token of its own that
 * follows from its rows, so that a crash in between sends no row twice. Some 2 log2(n) sends for one bad row.
 */
import type { BlockBuilder, BlockTarget, SendOutcome } from '../sinks/sink.ts';
import { type ReadSource, StreamReader } from './reader.ts';
import type { Position } from './segment.ts';

type Settled = Exclude<SendOutcome, 'retry'>;

export interface Bisection {
  readonly stream: ReadSource;
  readonly target: BlockTarget;
  /** Token of the rows from `firstRow` to `endRow`. */
  readonly token: (firstRow: number, endRow: number) => string;
  /** Sends until the target has answered, or gives undefined when it does not for now. */
  readonly send: (token: string, block: BlockBuilder) => Promise<Settled | undefined>;
  /** The bytes of `count` rows of a payload, behind the first `skip`. VIEW. */
  readonly slice: (payload: Buffer, skip: number, count: number) => Buffer;
  /** Takes a row that is refused alone. VIEW, valid until it returns. Throws when it cannot be kept. */
  readonly onPoison: (row: Buffer) => void;
}

/**
 * Bisects the refused rows from `from` up to `endRow`. Resolves with false when it is not done, because the target does not answer.
 * Rejects with the disk's error; what was delivered by then is known to the target by its tokens.
 */
export async function bisect(bisection: Bisection, from: Position, endRow: number): Promise<boolean> {
  const waiting: [firstRow: number, endRow: number][] = [[from.row, endRow]];
  for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
    const [first, end] = range;
    if (end - first === 1) {
      await eachRows(bisection, from, first, end, bisection.onPoison);
      continue;
    }
    const middle = first + Math.floor((end - first) / 2);
    for (const [partFirst, partEnd] of [
      [first, middle],
      [middle, end],
    ] as const) {
      const outcome = await sendPart(bisection, from, partFirst, partEnd);
      if (outcome === undefined) return false;
      if (outcome === 'refused') waiting.push([partFirst, partEnd]);
    }
  }
  return true;
}

async function sendPart(
  bisection: Bisection,
  from: Position,
  firstRow: number,
  endRow: number,
): Promise<Settled | undefined> {
  const block = bisection.target.begin();
  try {
    await eachRows(bisection, from, firstRow, endRow, (rows, count) => block.add(rows, count));
    // Rows that a damage took are a gap: there may be none.
    if (block.rows === 0) return 'delivered';
    return await bisection.send(bisection.token(firstRow, endRow), block);
  } finally {
    block.release();
  }
}

/** Calls `take` with the rows between, chunk by chunk. VIEWS. */
async function eachRows(
  { stream, slice }: Bisection,
  from: Position,
  firstRow: number,
  endRow: number,
  take: (rows: Buffer, count: number) => void,
): Promise<void> {
  const reader = new StreamReader(stream, from);
  try {
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      if (chunk.firstRow >= endRow) return;
      const skip = Math.max(0, firstRow - chunk.firstRow);
      const count = Math.min(chunk.rows, endRow - chunk.firstRow) - skip;
      if (count > 0) take(slice(chunk.payload, skip, count), count);
    }
  } finally {
    reader.close();
  }
}

/** Rows of NDJSON, which end with a newline each. VIEW. */
export function sliceLines(payload: Buffer, skip: number, count: number): Buffer {
  let start = 0;
  for (let row = 0; row < skip; row++) start = payload.indexOf(0x0a, start) + 1;
  let end = start;
  for (let row = 0; row < count; row++) end = payload.indexOf(0x0a, end) + 1;
  return payload.subarray(start, end);
}

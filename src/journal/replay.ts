/**
 * Sends kept rows to a sink once more: all chunks that were received from `fromMs` up to `toMs`, in blocks under tokens
 * that follow from the range and the rows alone,
 *   <node>-<worker>-<stream>-replay-<from>-<to>-<epoch>-<first row>-<end row>
 * so that the same replay made twice counts once. For that blocks are cut by what stands in the journal only: whole
 * chunks of one segment that stand one behind the other, up to REPLAY_BLOCK_BYTES of payload. What a sink was not
 * brought yet is no matter of a replay: the next start delivers it, and here it is refused.
 */
import { REPLAY_BLOCK_BYTES, REPLAY_PROBES_MAX } from '../limits.ts';
import type { BlockBuilder, BlockTarget } from '../sinks/sink.ts';
import { bisect, sliceLines } from './bisect.ts';
import type { Breaker } from './breaker.ts';
import type { Ending } from './ending.ts';
import { SEGMENT_HEADER_BYTES } from './format.ts';
import type { FrozenSegment, FrozenStream } from './frozen.ts';
import { type Chunk, StreamReader } from './reader.ts';
import type { Position } from './segment.ts';
import { Sender } from './sender.ts';

/** From `fromMs`, included, up to `toMs`, excluded. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface ReplayOptions extends TimeRange {
  readonly stream: FrozenStream;
  /** Id of the data directory. */
  readonly node: string;
  /** Undefined counts only. */
  readonly way:
    | {
        readonly target: BlockTarget;
        readonly breaker: Breaker;
        readonly ending: Ending;
        readonly sendTimeoutMs: number;
      }
    | undefined;
  /** Called after every block. */
  readonly onBlock: (sofar: Replayed) => void;
}

export interface Replayed {
  readonly blocks: number;
  readonly rows: number;
  /** Of these, rows that the sink refused for their content. */
  readonly refused: number;
}

/** A replay that cannot be made, with what to do about it. */
export class ReplayError extends Error {}

/** Segments of the stream with a chunk in the range, as far as their headers say. */
export function segmentsIn(stream: FrozenStream, { fromMs, toMs }: TimeRange): FrozenSegment[] {
  return stream.segments.filter(
    ({ survey: { times } }) => times !== undefined && times.toMs >= fromMs && times.fromMs < toMs,
  );
}

interface Gathered {
  readonly from: Position;
  readonly epoch: string;
  readonly builder: BlockBuilder | undefined;
  rows: number;
  payloadBytes: number;
  endRow: number;
}

/** Replays the rows of one stream. Rejects with a ReplayError when the sink does not answer, or the disk's error. */
export async function replayStream(options: ReplayOptions): Promise<Replayed> {
  const { stream, way, fromMs, toMs } = options;
  const sender = way && new Sender({ ...way, timeoutMs: way.sendTimeoutMs });
  const total = { blocks: 0, rows: 0, refused: 0 };
  for (const segment of segmentsIn(stream, options)) {
    let open: Gathered | undefined;
    const flush = async () => {
      if (open === undefined) return;
      total.refused += await send(open);
      total.blocks += 1;
      total.rows += open.rows;
      open.builder?.release();
      open = undefined;
      options.onBlock(total);
    };
    for await (const { chunk, from } of chunksOf(stream, segment)) {
      if (chunk.timeMs < fromMs || chunk.timeMs >= toMs) {
        await flush();
        continue;
      }
      open ??= {
        from,
        epoch: chunk.epoch,
        builder: way?.target.begin(),
        rows: 0,
        payloadBytes: 0,
        endRow: 0,
      };
      open.builder?.add(chunk.payload, chunk.rows);
      open.rows += chunk.rows;
      open.payloadBytes += chunk.payload.length;
      open.endRow = chunk.firstRow + chunk.rows;
      if (open.payloadBytes >= REPLAY_BLOCK_BYTES) await flush();
    }
    await flush();
  }
  return total;

  /** Sends a block; the rows that the sink refused. */
  async function send({ from, epoch, builder, endRow }: Gathered): Promise<number> {
    if (way === undefined || builder === undefined) return 0;
    const prefix = `${options.node}-${stream.worker}-${stream.name}-replay-${fromMs}-${toMs}-${epoch}`;
    const token = (first: number, end: number) => `${prefix}-${first}-${end}`;
    const outcome = await untilAnswered(token(from.row, endRow), builder);
    if (outcome !== 'refused') return 0;
    if (stream.name !== 'events') return builder.rows;
    let refused = 0;
    const onPoison = () => {
      refused += 1;
    };
    const { target } = way;
    await bisect({ stream, target, token, send: untilAnswered, slice: sliceLines, onPoison }, from, endRow);
    return refused;
  }

  async function untilAnswered(token: string, block: BlockBuilder) {
    for (let probe = 0; probe < REPLAY_PROBES_MAX && way !== undefined; probe++) {
      const outcome = await sender?.send(token, block);
      if (outcome !== undefined) return outcome;
      await way.ending.pause(way.breaker.pauseMs());
    }
    throw new ReplayError(
      'the sink does not take blocks; see to it, then run the same command again: what was replayed counts once in ClickHouse',
    );
  }
}

async function* chunksOf(
  stream: FrozenStream,
  segment: FrozenSegment,
): AsyncGenerator<{ chunk: Chunk; from: Position }> {
  const source = { ...stream, segments: [segment] };
  const reader = new StreamReader(source, { segment: segment.name, offset: SEGMENT_HEADER_BYTES, row: 0 });
  try {
    let from = reader.position;
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      // Behind a damage, or rows that were never given out, a block begins where its first row is.
      yield { chunk, from: { ...from, row: chunk.firstRow } };
      from = reader.position;
    }
  } finally {
    reader.close();
  }
}

/** Rows of the range that `sink` was not brought yet, and the time of the first of them; undefined when there are none. */
export async function undelivered(
  stream: FrozenStream,
  sink: string,
  range: TimeRange,
): Promise<{ readonly rows: number; readonly fromMs: number } | undefined> {
  const delivered = stream.cursors.find((cursor) => cursor.sink === sink)?.state?.delivered.row ?? 0;
  let rows = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  for (const segment of segmentsIn(stream, range)) {
    if (segment.endRow <= delivered) continue;
    for await (const { chunk } of chunksOf(stream, segment)) {
      const isIn = chunk.timeMs >= range.fromMs && chunk.timeMs < range.toMs;
      if (!isIn || chunk.firstRow + chunk.rows <= delivered) continue;
      rows += chunk.rows;
      fromMs = Math.min(fromMs, chunk.timeMs);
    }
  }
  return rows === 0 ? undefined : { rows, fromMs };
}

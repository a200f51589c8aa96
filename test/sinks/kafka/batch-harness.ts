/** Lines through both encoders at once, and what kafkajs reads of the batches that come out. */
import { createRandom } from '../../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../../bench/scan-fixture.ts';
import { createScanOutput } from '../../../src/scan/contract.ts';
import { createReferenceScanner } from '../../../src/scan/reference/scanner.ts';
import { createUuidSource } from '../../../src/scan/uuid.ts';
import {
  BATCH_WORDS,
  type BatchOptions,
  type BatchSource,
  type BatchTarget,
  BatchWord,
  createBatchOutput,
  isDrained,
  REFUSAL_WORDS,
  RefusalWord,
} from '../../../src/sinks/kafka/batch-contract.ts';
import {
  BATCH_OPTIONS,
  batchAt,
  createBatchEncoder,
  NO_HEADERS,
  NO_PRODUCER,
  sealBatch,
} from '../../../src/sinks/kafka/record-batch.ts';
import { encodeAll, sourceOf } from '../../fuzz/batch-differential.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../../scan/harness.ts';
import { type DecodedBatch, decodeBatch, kafkajsCrc32c } from './kafkajs-batches.ts';

/** Without a compiler the specification alone is tested. */
export const ENCODERS =
  process.env['PENSTOCK_NATIVE'] === 'off' ? (['reference'] as const) : (['reference', 'native'] as const);

export const TARGET: BatchTarget = { partitionCount: 12, nullKeyPartition: 5, headers: NO_HEADERS };

export interface ReadBatch extends DecodedBatch {
  readonly partition: number;
  readonly bytes: Buffer;
  readonly row: {
    readonly recordCount: number;
    readonly firstTimestampMs: number;
    readonly maxTimestampMs: number;
  };
}

export interface Encoded {
  readonly batches: ReadBatch[];
  readonly refusals: { readonly reason: number; readonly line: string }[];
  readonly calls: number;
}

/**
 * Encodes by both encoders, which must agree, and reads every batch, sealed, with kafkajs; checks of each batch what
 * holds for all: CRC, row, offsets.
 */
export async function encode(
  source: BatchSource,
  options: Partial<BatchOptions> = {},
  target: Partial<BatchTarget> = {},
): Promise<Encoded> {
  const full = { ...BATCH_OPTIONS, ...options };
  const where = { ...TARGET, ...target };
  const [expected, ...others] = ENCODERS.map((name) =>
    encodeAll(createBatchEncoder(full, name), source, where),
  );
  for (const other of others)
    if (expected?.equals(other) !== true) throw new Error('native and reference differ');

  const encoder = createBatchEncoder(full, 'auto');
  const output = createBatchOutput();
  const encoded: Encoded = { batches: [], refusals: [], calls: 0 };
  let calls = 0;
  for (source.next = 0; !isDrained(source); calls++) {
    encoder.encode(source, where, output);
    for (let index = 0; index < output.batchCount; index++) {
      const bytes = Buffer.from(batchAt(output, index));
      sealBatch(bytes, NO_PRODUCER);
      const row = output.batches.slice(index * BATCH_WORDS, (index + 1) * BATCH_WORDS);
      encoded.batches.push(await readBatch(bytes, row));
    }
    for (let index = 0; index < output.refusalCount; index++) {
      const row = output.refusals.subarray(index * REFUSAL_WORDS);
      const start = row[RefusalWord.lineOffset]!;
      const line = Buffer.from(source.lines.subarray(start, start + row[RefusalWord.lineLength]!));
      encoded.refusals.push({ reason: row[RefusalWord.reason]!, line: line.toString() });
    }
  }
  return { ...encoded, calls };
}

async function readBatch(bytes: Buffer, row: Uint32Array): Promise<ReadBatch> {
  const batch = await decodeBatch(bytes);
  const times = new Float64Array(row.buffer);
  if (bytes.readUInt32BE(17) !== kafkajsCrc32c(bytes.subarray(21)) >>> 0) throw new Error('CRC');
  if (batch.lastOffsetDelta !== batch.records.length - 1) throw new Error('lastOffsetDelta');
  for (const [index, record] of batch.records.entries()) {
    if (record.offset !== String(index)) throw new Error(`offset of record ${index}`);
  }
  return {
    ...batch,
    partition: row[BatchWord.partition]!,
    bytes,
    row: {
      recordCount: row[BatchWord.recordCount]!,
      firstTimestampMs: times[BatchWord.firstTimestampMs / 2]!,
      maxTimestampMs: times[BatchWord.maxTimestampMs / 2]!,
    },
  };
}

/** Lines alone. */
export function linesOf(...lines: string[]): BatchSource {
  return sourceOf(Buffer.from(lines.join('')));
}

/** What the scanner gives for bodies of the app `shop`: lines and their record rows. */
export function scanBodies(bodies: readonly (Buffer | string)[]): BatchSource {
  return scanFrames(bodies.map((body, index) => ({ body, app: 1, receivedDeltaMs: index })));
}

/** What the scanner gives for frames: lines and their record rows. */
export function scanFrames(frames: readonly FixtureFrame[]): BatchSource {
  const ids = createUuidSource(createRandom(3));
  const scanner = createReferenceScanner({ programs: PROGRAMS, apps: APPS, batchEventsMax: 100_000, ids });
  const output = createScanOutput();
  scanner.scan(createSlab(frames, BASE_TIME_MS).job(), output);
  return { ...output, next: 0 };
}

/** The lines of a source, each without its newline. */
export function textsOf(source: BatchSource): string[] {
  return Buffer.from(source.lines.subarray(0, source.lineBytes)).toString().split('\n').slice(0, -1);
}

/** A small canonical line; `fields` are further members behind app_id, each with its comma before it. */
export function lineWith(
  id: string,
  fields = ',"device_id":"d"',
  receivedAt = '2025-06-09T12:30:15.250Z',
): string {
  return (
    `{"event_id":"${id}","event_type":"t","app_id":"shop"${fields},"timestamp":"2025-06-09T12:00:00.000Z",` +
    `"received_at":"${receivedAt}","dialect":"penstock","transport":"http"}\n`
  );
}

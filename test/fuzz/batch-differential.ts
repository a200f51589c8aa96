/**
 * The native encoder of record batches against its specification in TypeScript: every byte and every row of both must
 * be equal, over made and damaged lines, over what a scanner gave, with its record rows and without them, under
 * bounds so small that every one of them is met.
 *
 *   npm run fuzz:batches -- [--cases N] [--seed N]
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab } from '../../bench/scan-fixture.ts';
import { crc32c, crc32cByTable } from '../../src/crc32c.ts';
import { createScanOutput } from '../../src/scan/contract.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import {
  BATCH_WORDS,
  type BatchEncoder,
  type BatchOptions,
  type BatchSource,
  type BatchTarget,
  createBatchOutput,
  HEAD_COLUMNS,
  isDrained,
  REFUSAL_WORDS,
  SCANNED_KEY_COLUMNS,
} from '../../src/sinks/kafka/batch-contract.ts';
import { createBatchEncoder, encodeHeaders } from '../../src/sinks/kafka/record-batch.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { createLineSource, damageLine } from './batch-lines.ts';
import { createFrameSource } from './scan-cases.ts';
import type { Random } from './scan-words.ts';

/** Lines of one comparison. */
const LINES_PER_ROUND = 250;
const below = (random: Random, bound: number) => random() % bound;

/** Everything that encoding `source` from its beginning gives, call by call, as one text to compare. */
export function encodeAll(encoder: BatchEncoder, source: BatchSource, target: BatchTarget): Buffer {
  const output = createBatchOutput();
  const parts: Uint8Array[] = [];
  source.next = 0;
  while (!isDrained(source)) {
    const before = source.next;
    encoder.encode(source, target, output);
    if (source.next === before) throw new Error(`a call with a line left did not move on from ${before}`);
    parts.push(
      Buffer.from(`${output.recordCount} ${output.batchCount} ${output.refusalCount}\n`),
      output.bytes.subarray(0, output.byteCount),
      bytesOf(output.batches.subarray(0, output.batchCount * BATCH_WORDS)),
      bytesOf(output.refusals.subarray(0, output.refusalCount * REFUSAL_WORDS)),
    );
  }
  return Buffer.concat(parts);
}

function bytesOf(words: Uint32Array): Buffer {
  return Buffer.from(words.slice().buffer);
}

/** Lines without rows. */
export function sourceOf(lines: Buffer): BatchSource {
  return { lines, lineBytes: lines.length, records: undefined, recordCount: 0, next: 0 };
}

function randomOptions(random: Random): BatchOptions {
  const outputBytesMax = 1 + below(random, 60_000);
  const columns = HEAD_COLUMNS.filter(() => below(random, 3) === 0);
  return {
    keyColumns: below(random, 3) > 0 ? SCANNED_KEY_COLUMNS : columns,
    batchBytesMax: Math.min(outputBytesMax, 1 + below(random, 20_000)),
    batchRecordsMax: 1 + below(random, 200),
    outputBytesMax,
    callRecordsMax: 1 + below(random, 2 * LINES_PER_ROUND),
  };
}

function randomTarget(random: Random): BatchTarget {
  const partitionCount = 1 + below(random, below(random, 4) === 0 ? 500 : 12);
  const headers = Array.from(
    { length: below(random, 4) },
    (_, index) => [`h${index}`, 'v'.repeat(70)] as const,
  );
  return { partitionCount, nullKeyPartition: below(random, partitionCount), headers: encodeHeaders(headers) };
}

/** What a scan of generated frames gives: lines with their rows. */
function createScanned(random: Random): () => BatchSource {
  const nextFrame = createFrameSource(random);
  const scanner = createReferenceScanner({
    programs: PROGRAMS,
    apps: APPS,
    batchEventsMax: 1000,
    ids: createUuidSource(createRandom(7)),
  });
  const output = createScanOutput();
  return () => {
    scanner.scan(createSlab(Array.from({ length: LINES_PER_ROUND }, nextFrame), BASE_TIME_MS).job(), output);
    return { ...output, next: 0 };
  };
}

/** Compares `cases` lines; what differs first, or undefined. */
export function fuzzBatches({ cases, seed }: { cases: number; seed: number }): string | undefined {
  const random = createRandom(seed);
  const nextLine = createLineSource(random);
  const nextScanned = createScanned(random);
  for (let done = 0; done < cases; done += LINES_PER_ROUND) {
    const options = randomOptions(random);
    const target = randomTarget(random);
    const reference = createBatchEncoder(options, 'reference');
    const native = createBatchEncoder(options, 'native');
    const isScanned = below(random, 2) === 0;
    const lines = Array.from({ length: LINES_PER_ROUND }, () =>
      below(random, 10) === 0 ? damageLine(nextLine(), random) : Buffer.from(nextLine()),
    );
    const source = isScanned ? nextScanned() : sourceOf(Buffer.concat(lines));
    // With rows the place of the next line is a row, without an offset: what comes out must be equal all the same.
    const alone = sourceOf(Buffer.from(source.lines.buffer, source.lines.byteOffset, source.lineBytes));
    const expected = encodeAll(reference, source, target);
    for (const [name, given] of [
      ['native', encodeAll(native, source, target)],
      ['reference, lines alone', encodeAll(reference, alone, target)],
      ['native, lines alone', encodeAll(native, alone, target)],
    ] as const) {
      if (!given.equals(expected)) return `${name}, from line ${done} of seed ${seed}`;
    }
    const bytes = expected.subarray(below(random, 64));
    const seedOfCrc = random() >>> 0;
    if (crc32c(bytes, seedOfCrc) !== crc32cByTable(bytes, seedOfCrc))
      return `CRC-32C of ${bytes.length} bytes`;
  }
  return undefined;
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      cases: { type: 'string', default: '200000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    },
  });
  const options = { cases: Number(values.cases), seed: Number(values.seed) };
  console.log(`batch-differential: seed ${options.seed} · ${options.cases} lines`);
  const difference = fuzzBatches(options);
  console.log(difference === undefined ? `equal: ${options.cases} lines` : `differs: ${difference}`);
  if (difference !== undefined) process.exitCode = 1;
}

// Hot path: runs once a slab.
/**
 * What a worker thread does with a slab, on one page: decompress, scan, hand the accepted lines and the rejected
 * events to the sinks, and write the answers. workers/ingest.ts makes one of these a thread; Piscina calls it.
 */
import { randomBytes } from 'node:crypto';
import { renderReplies } from './ack/replies.ts';
import type { Clock } from './clock.ts';
import { encodeDeadLetters } from './dead-letters.ts';
import { ROUTES } from './dialects/routes.ts';
import type { SlabResult } from './dispatch/worker-pool.ts';
import { SCAN_BUFFER_KEEP_BYTES } from './limits.ts';
import type { ThreadCounters } from './metrics/counters.ts';
import { createScanOutput, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { createScanner, type ScannerChoice } from './scan/scanner.ts';
import { createUnwrapArena, unwrapFrames } from './scan/unwrap.ts';
import { createUuidSource } from './scan/uuid.ts';
import { createRejectedBytes, type GrowableBytes } from './sinks/rejected.ts';
import type { Sink } from './sinks/sink.ts';
import { BASE_TIME_FLOAT64_INDEX, FrameWord, frameRow, HeaderWord } from './slab/layout.ts';

/** What of the configuration the scan needs; write keys do not leave the front. */
export interface IngestSetup {
  /** App names by index; 0 is open mode. */
  readonly apps: readonly string[];
  readonly batchEventsMax: number;
  readonly bodyBytesMax: number;
  readonly scanner: ScannerChoice;
}

/** The function that takes a slab in one worker thread. */
export function createIngest(
  setup: IngestSetup,
  sinks: readonly Sink[],
  counters: ThreadCounters,
  clock: Clock,
): (slab: SharedArrayBuffer) => SlabResult {
  const scanner = createScanner(
    {
      programs: ROUTES.map((route) => route.program),
      apps: setup.apps,
      batchEventsMax: setup.batchEventsMax,
      ids: createUuidSource(() => randomBytes(4).readUInt32LE()),
    },
    setup.scanner,
  );
  const output = createScanOutput();
  const arena = createUnwrapArena();
  let rejected = createRejectedBytes();

  return function ingest(slab) {
    const startedAt = clock.monotonicMs();
    const words = new Uint32Array(slab);
    const bytes = Buffer.from(slab);

    unwrapFrames(words, bytes, arena, setup);
    const job: ScanJob = {
      words,
      baseTimeMs: new Float64Array(slab)[BASE_TIME_FLOAT64_INDEX]!,
      sources: [bytes, arena.bytes],
    };
    scanner.scan(job, output);
    const scannedAt = clock.monotonicMs();

    // The ack point: what the sinks have taken here is what an answer promises.
    if (output.recordCount > 0) {
      const lines = output.lines.subarray(0, output.lineBytes);
      for (const sink of sinks) sink.append(lines, output.recordCount);
    }
    if (output.errorCount > 0) {
      const rows = encodeDeadLetters(job, output, ROUTES, setup.apps, rejected);
      const encoded = rejected.bytes.subarray(0, rejected.length);
      for (const sink of sinks) sink.appendRejected(encoded, rows);
      rejected = emptied(rejected);
    }

    countSlab(counters, words, output, (scannedAt - startedAt) * 1000);
    return renderReplies(words, output, ROUTES);
  };
}

/** For the next slab; what one hostile slab has grown is given back. */
function emptied(rejected: GrowableBytes): GrowableBytes {
  if (rejected.bytes.length > SCAN_BUFFER_KEEP_BYTES) return createRejectedBytes();
  rejected.length = 0;
  return rejected;
}

function countSlab(
  counters: ThreadCounters,
  words: Uint32Array,
  output: ScanOutput,
  scanMicros: number,
): void {
  const frameCount = words[HeaderWord.frameCount]!;
  let bytes = 0;
  let accepted = 0;
  let rejected = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    bytes += words[row + FrameWord.bodyLength]!;
    accepted += words[row + FrameWord.accepted]!;
    // A frame refused whole counts as one event: how many it held is not known.
    rejected += words[row + FrameWord.reason] === 0 ? words[row + FrameWord.rejected]! : 1;
  }
  counters.add('frames', frameCount);
  counters.add('bytes', bytes);
  counters.add('received', accepted + rejected);
  counters.add('accepted', accepted);
  counters.add('rejected', rejected);
  counters.add('surrogates', output.surrogatesReplaced);
  counters.add('lineBytes', output.lineBytes);
  counters.add('tasks', 1);
  counters.add('scanMicros', Math.round(scanMicros));
}

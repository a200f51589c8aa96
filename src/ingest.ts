// Hot path: runs once a slab.
/**
 * What a worker thread does with a slab, on one page: decompress, decode, scan, append the accepted lines and the rejected
 * events to the journal, and write the answers. workers/ingest.ts makes one of these a thread; Piscina calls it.
 */
import { randomBytes } from 'node:crypto';
import { renderReplies } from './ack/replies.ts';
import { Apps } from './admission/apps.ts';
import type { Clock } from './clock.ts';
import type { AppConfig } from './config/config.ts';
import { encodeDeadLetters } from './dead-letters.ts';
import { ROUTES, routeOfDialect } from './dialects/routes.ts';
import type { SlabResult } from './dispatch/worker-pool.ts';
import type { StreamName } from './journal/worker-journal.ts';
import { SCAN_BUFFER_KEEP_BYTES } from './limits.ts';
import type { ThreadCounters } from './metrics/counters.ts';
import { ReasonNumber } from './outcome.ts';
import { createScanOutput, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { createScanner, type ScannerChoice } from './scan/scanner.ts';
import { createUnwrapArena, replaceBody, unwrapFrames } from './scan/unwrap.ts';
import { createUuidSource } from './scan/uuid.ts';
import { createRejectedBytes, type GrowableBytes } from './sinks/rejected.ts';
import { BASE_TIME_FLOAT64_INDEX, FrameWord, frameRow, HeaderWord } from './slab/layout.ts';
import { type DecodeSetup, decodeFrame, type FrameBodies } from './unwrap/decode.ts';

/** What of the configuration the scan needs; of write keys only digests leave the front. */
export interface IngestSetup {
  /** App names by index; 0 is open mode. */
  readonly apps: readonly string[];
  /** For keys in bodies: the configured apps, their keys as digests (admission/apps.ts). */
  readonly digestedApps: readonly AppConfig[];
  readonly batchEventsMax: number;
  readonly bodyBytesMax: number;
  readonly scanner: ScannerChoice;
}

/** Where a thread keeps what was scanned (journal/worker-journal.ts). */
export interface IngestJournal {
  append(stream: StreamName, payload: Uint8Array, rows: number, timeMs: number): void;
  synced(): Promise<unknown> | undefined;
}

/** The function that takes a slab in one worker thread; its result waits for the disk where answers do. */
export function createIngest(
  setup: IngestSetup,
  journal: IngestJournal,
  counters: ThreadCounters,
  clock: Clock,
  onJournalFailure: (error: unknown) => void,
): (slab: SharedArrayBuffer) => SlabResult | Promise<SlabResult> {
  const scanner = createScanner(
    {
      programs: ROUTES.map((route) => route.program),
      apps: setup.apps,
      batchEventsMax: setup.batchEventsMax,
      ids: createUuidSource(() => randomBytes(4).readUInt32LE()),
    },
    setup.scanner,
  );
  const decodeSetup: DecodeSetup = {
    routes: ROUTES,
    routeOf: routeOfDialect,
    apps: new Apps(setup.digestedApps),
  };
  const output = createScanOutput();
  const arena = createUnwrapArena();
  let rejected = createRejectedBytes();

  return function ingest(slab) {
    const startedAt = clock.monotonicMs();
    const words = new Uint32Array(slab);
    const bytes = Buffer.from(slab);

    const bodies: FrameBodies = {
      bodyOf: (row) => {
        const start = words[row + FrameWord.bodyOffset]!;
        const source = words[row + FrameWord.source] === 0 ? bytes : arena.bytes;
        return source.subarray(start, start + words[row + FrameWord.bodyLength]!);
      },
      replace: (row, body) => replaceBody(words, row, body, arena, setup),
    };
    unwrapFrames(words, bytes, arena, setup, (row, headStart, bodyStart) =>
      decodeFrame(decodeSetup, words, row, bytes, headStart, bodyStart, bodies),
    );
    const job: ScanJob = {
      words,
      baseTimeMs: new Float64Array(slab)[BASE_TIME_FLOAT64_INDEX]!,
      sources: [bytes, arena.bytes],
    };
    scanner.scan(job, output);
    const scannedAt = clock.monotonicMs();

    // The ack point: what the journal has taken here is what an answer promises.
    const isKept = keep(job, output);
    if (!isKept) refuseAll(words);
    countSlab(counters, words, output, (scannedAt - startedAt) * 1000);
    const replies = renderReplies(words, output, ROUTES);
    const synced = isKept ? journal.synced() : undefined;
    return synced === undefined ? replies : afterSync(synced, words, replies);
  };

  /** Appends to the journal; false when the disk does not take it. Rejected events first: they may be kept twice, accepted ones not. */
  function keep(job: ScanJob, scanned: ScanOutput): boolean {
    try {
      if (scanned.errorCount > 0) {
        const rows = encodeDeadLetters(job, scanned, ROUTES, setup.apps, rejected);
        const encoded = rejected.bytes.subarray(0, rejected.length);
        journal.append('rejected', encoded, rows, job.baseTimeMs);
      }
      if (scanned.recordCount > 0) {
        const lines = scanned.lines.subarray(0, scanned.lineBytes);
        journal.append('events', lines, scanned.recordCount, job.baseTimeMs);
      }
      return true;
    } catch (error) {
      failed(error);
      return false;
    } finally {
      rejected = emptied(rejected);
    }
  }

  function failed(error: unknown): void {
    counters.add('journalFailures', 1);
    onJournalFailure(error);
  }

  async function afterSync(
    synced: Promise<unknown>,
    words: Uint32Array,
    replies: SlabResult,
  ): Promise<SlabResult> {
    try {
      await synced;
    } catch (error) {
      failed(error);
      refuseAll(words);
    }
    return replies;
  }
}

/** Every frame of the slab is to be sent again; what the scan found in them is not promised. */
function refuseAll(words: Uint32Array): void {
  const frameCount = words[HeaderWord.frameCount]!;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    if (words[row + FrameWord.reason] !== 0) continue;
    words[row + FrameWord.reason] = ReasonNumber.overloaded;
    words[row + FrameWord.accepted] = 0;
    words[row + FrameWord.rejected] = 0;
  }
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

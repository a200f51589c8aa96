// Hot path: runs once a slab.
/**
 * What a worker thread does with a slab, on one page: decompress, decode, scan, take out repeats, append the accepted lines
 * and the rejected events to the journal, and write the answers. workers/ingest.ts makes one of these a thread; Piscina calls it.
 */
import { randomBytes } from 'node:crypto';
import { renderReplies } from './ack/replies.ts';
import { Apps } from './admission/apps.ts';
import type { Clock } from './clock.ts';
import type { AppConfig } from './config/config.ts';
import { encodeDeadLetters } from './dead-letters.ts';
import type { DedupWindow } from './dedup/findings.ts';
import { type HeldIds, type KeptLines, SlabRepeats } from './dedup/slab-repeats.ts';
import { ROUTES, routeOfDialect } from './dialects/routes.ts';
import type { SlabResult } from './dispatch/worker-pool.ts';
import { SCAN_BUFFER_KEEP_BYTES } from './limits.ts';
import type { SlabMeter } from './metrics/slab-meter.ts';
import type { SlabReceipt } from './metrics/traffic.ts';
import { ReasonNumber } from './outcome.ts';
import { createScanOutput, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { createScanner, type ScannerChoice } from './scan/scanner.ts';
import { createUnwrapArena, replaceBody, unwrapFrames } from './scan/unwrap.ts';
import { createUuidSource, uuidSuffix } from './scan/uuid.ts';
import { encodeEntries } from './sessions/entry.ts';
import { entriesOf } from './sessions/frames.ts';
import type { SessionLog } from './sessions/session-log.ts';
import { createRejectedBytes, type GrowableBytes } from './sinks/rejected.ts';
import type { StreamName } from './sinks/sink.ts';
import { BASE_TIME_FLOAT64_INDEX, FrameWord, frameRow, HeaderWord, Want } from './slab/layout.ts';
import type { JournalPlace, SessionFrames } from './slab/slab.ts';
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
  append(stream: StreamName, payload: Uint8Array, rows: number, timeMs: number, meta?: Uint8Array): void;
  synced(): Promise<unknown> | undefined;
  /** Where all appends so far end. */
  place(): JournalPlace;
  sync(): Promise<unknown>;
}

/**
 * The function that takes a slab in one worker thread; its result waits for the disk where answers do. Without a window
 * repeats are kept like any other event.
 */
export function createIngest(
  setup: IngestSetup,
  journal: IngestJournal,
  sessions: Pick<SessionLog, 'add'>,
  window: DedupWindow | undefined,
  meter: SlabMeter,
  clock: Clock,
  onJournalFailure: (error: unknown) => void,
): (slab: SharedArrayBuffer, sessionFrames?: SessionFrames) => SlabResult | Promise<SlabResult> {
  const ids = createUuidSource(() => randomBytes(4).readUInt32LE());
  const repeats = window && new SlabRepeats(window, uuidSuffix(ids), clock);
  const scanner = createScanner(
    {
      programs: ROUTES.map((route) => route.program),
      apps: setup.apps,
      batchEventsMax: setup.batchEventsMax,
      ids,
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

  return function ingest(slab, sessionFrames) {
    const startedAtMs = clock.monotonicMs();
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
    const receipt = meter.received(words, output);
    const kept = repeats?.setAside(words, output) ?? allLines(output);
    const scannedAtMs = clock.monotonicMs();

    // The ack point: what the journal has taken here is what an answer promises.
    const isKept = keep(job, output, kept, sessionFrames);
    meter.measured(words, { startedAtMs, scannedAtMs, writtenAtMs: clock.monotonicMs() });
    if (isKept) meter.kept(kept.bytes, output.surrogatesReplaced);
    const synced = isKept ? journal.synced() : undefined;
    // Not before its event is kept is an id known; one that waits for the disk waits with it.
    if (isKept && synced === undefined) repeats?.remember();
    if (synced === undefined) meter.ended(words, receipt, isKept);
    if (!isKept) refuseAll(words);
    const replies = withPlace(renderReplies(words, output, ROUTES), isKept ? words[HeaderWord.wants]! : 0);
    return synced === undefined ? replies : afterSync(synced, words, receipt, replies, repeats?.hold());
  };

  /** Adds what the front wants to know of the slab, and begins the sync that it wants. */
  function withPlace(replies: SlabResult, wants: number): SlabResult {
    if (wants === 0) return replies;
    if ((wants & Want.sync) !== 0) journal.sync().catch(failed);
    return { ...replies, place: journal.place() };
  }

  /**
   * Appends to the journal; false when the disk does not take it. Rejected events first: they may be kept twice,
   * accepted ones not. What of sessions is journaled by that stands in the last chunk, so that it is never said too early.
   */
  function keep(
    job: ScanJob,
    scanned: ScanOutput,
    { bytes, rows }: KeptLines,
    sessionFrames: SessionFrames | undefined,
  ): boolean {
    try {
      if (scanned.errorCount > 0) {
        const rows = encodeDeadLetters(job, scanned, ROUTES, setup.apps, rejected);
        const encoded = rejected.bytes.subarray(0, rejected.length);
        journal.append('rejected', encoded, rows, job.baseTimeMs);
      }
      const entries = sessionFrames && entriesOf(sessionFrames, job.words, job.baseTimeMs);
      if (rows > 0 || entries !== undefined) {
        const lines = scanned.lines.subarray(0, bytes);
        journal.append('events', lines, rows, job.baseTimeMs, entries && encodeEntries(entries));
      }
      if (entries !== undefined) sessions.add(entries);
      return true;
    } catch (error) {
      failed(error);
      return false;
    } finally {
      rejected = emptied(rejected);
    }
  }

  function failed(error: unknown): void {
    meter.journalFailed();
    onJournalFailure(error);
  }

  async function afterSync(
    synced: Promise<unknown>,
    words: Uint32Array,
    receipt: SlabReceipt,
    replies: SlabResult,
    held: HeldIds | undefined,
  ): Promise<SlabResult> {
    let isSynced = true;
    try {
      await synced;
      if (held !== undefined) repeats?.rememberHeld(held);
    } catch (error) {
      failed(error);
      isSynced = false;
    }
    meter.ended(words, receipt, isSynced);
    if (!isSynced) refuseAll(words);
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
    words[row + FrameWord.duplicates] = 0;
  }
}

/** All that was scanned, where nothing looks for repeats. */
function allLines({ lineBytes, recordCount }: ScanOutput): KeptLines {
  return { bytes: lineBytes, rows: recordCount };
}

/** For the next slab; what one hostile slab has grown is given back. */
function emptied(rejected: GrowableBytes): GrowableBytes {
  if (rejected.bytes.length > SCAN_BUFFER_KEEP_BYTES) return createRejectedBytes();
  rejected.length = 0;
  return rejected;
}

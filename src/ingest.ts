// Hot path: runs once a slab.
/**
 * What a worker thread does with a slab, on one page: decompress, decode, scan, take out repeats, append the accepted lines
 * and the rejected events to the journal, and write the answers. workers/ingest.ts makes one of these a thread; Piscina calls it.
 */
import { randomBytes } from 'node:crypto';
import { renderReplies } from './ack/replies.ts';
import { Apps } from './admission/apps.ts';
import { KeyPage } from './admission/key-page.ts';
import { LimitPage } from './admission/limit-page.ts';
import type { Clock } from './clock.ts';
import type { AppConfig } from './config/config.ts';
import { encodeDeadLetters } from './dead-letters.ts';
import type { DedupWindow, SharedWindow } from './dedup/findings.ts';
import { type AskedIds, type HeldIds, type KeptLines, SlabRepeats } from './dedup/slab-repeats.ts';
import { routeOfDialect, routesOf } from './dialects/routes.ts';
import type { SlabResult } from './dispatch/worker-pool.ts';
import { REDIS_SLABS_WAITING_MAX, SCAN_BUFFER_KEEP_BYTES } from './limits.ts';
import type { SlabMeter } from './metrics/slab-meter.ts';
import type { SlabReceipt } from './metrics/traffic.ts';
import type { LiveCounts } from './redis/live-counts.ts';
import {
  type ClaimPrivacy,
  createScanOutput,
  type ScanJob,
  type Scanner,
  type ScanOutput,
} from './scan/contract.ts';
import { createScanner, type ScannerChoice } from './scan/scanner.ts';
import { createUnwrapArena, replaceBody, type UnwrapArena, unwrapFrames } from './scan/unwrap.ts';
import { createUuidSource, uuidSuffix } from './scan/uuid.ts';
import { encodeEntries } from './sessions/entry.ts';
import { entriesOf } from './sessions/frames.ts';
import type { SessionLog } from './sessions/session-log.ts';
import { createRejectedBytes, type GrowableBytes } from './sinks/rejected.ts';
import type { StreamName } from './sinks/sink.ts';
import { BASE_TIME_FLOAT64_INDEX, FrameWord, HeaderWord, Want } from './slab/layout.ts';
import type { JournalPlace, SessionFrames } from './slab/slab.ts';
import { countSlab, refuseAll } from './slab-verdicts.ts';
import { Turns } from './turns.ts';
import { refuseUnread } from './unread-bodies.ts';
import { type DecodeSetup, decodeFrame, type FrameBodies } from './unwrap/decode.ts';

/** What of the configuration the scan needs; of write keys only digests leave the front. */
export interface IngestSetup {
  /** The configured apps, their keys as digests (admission/apps.ts): their names, and keys in bodies. */
  readonly digestedApps: readonly AppConfig[];
  /** Those that have taken their place meanwhile (admission/key-page.ts); absent where they never change. */
  readonly keyMemory?: SharedArrayBuffer | undefined;
  /** Which of them send too much (admission/limit-page.ts); absent where nobody has a rate. */
  readonly limitMemory?: SharedArrayBuffer | undefined;
  readonly batchEventsMax: number;
  readonly bodyBytesMax: number;
  readonly scanner: ScannerChoice;
  /** Absent where events do not say their own address and user agent. */
  readonly claimPrivacy?: ClaimPrivacy | undefined;
}

/** Where a thread keeps what was scanned (journal/worker-journal.ts). */
export interface IngestJournal {
  append(stream: StreamName, payload: Uint8Array, rows: number, timeMs: number, meta?: Uint8Array): void;
  /** As `append`; resolves later where the disk takes the payload while the thread goes on. */
  appendAsync(
    stream: StreamName,
    payload: Uint8Array,
    rows: number,
    timeMs: number,
    meta?: Uint8Array,
  ): Promise<void> | undefined;
  synced(): Promise<unknown> | undefined;
  /** Where all appends so far end. */
  place(): JournalPlace;
  sync(): Promise<unknown>;
}

/** What a thread shares with other processes (redis/thread.ts). */
export interface IngestShared {
  /** Undefined where repeats are looked for in this process alone. */
  readonly window?: SharedWindow | undefined;
  readonly counts?: Pick<LiveCounts, 'add' | 'send'> | undefined;
}

/** What a slab in the midst of its work has to itself. */
interface Room {
  readonly output: ScanOutput;
  readonly arena: UnwrapArena;
}

/** A slab that was scanned, and what is known of its ids. */
interface ScannedSlab {
  readonly job: ScanJob;
  readonly receipt: SlabReceipt;
  readonly startedAtMs: number;
  readonly scannedAtMs: number;
  asked: AskedIds | undefined;
}

/** A slab whose repeats are found. */
interface FoundSlab {
  readonly scanned: ScannedSlab;
  readonly output: ScanOutput;
  readonly kept: KeptLines;
  readonly waitedMs: number;
  readonly foundAtMs: number;
}

/** A slab that is appended. */
interface EndedSlab {
  /** Waits for what the answers promise beyond that. */
  readonly answer: SlabResult | Promise<SlabResult>;
}

/**
 * The function that takes a slab in one worker thread; its result waits for the disk where answers do, and for other
 * processes' word on its ids where they share a window. Without a window repeats are kept like any other event.
 */
export function createIngest(
  setup: IngestSetup,
  journal: IngestJournal,
  sessions: Pick<SessionLog, 'add'>,
  window: DedupWindow | undefined,
  meter: SlabMeter,
  clock: Clock,
  onJournalFailure: (error: unknown) => void,
  shared: IngestShared = {},
): (slab: SharedArrayBuffer, sessionFrames?: SessionFrames) => Promise<SlabResult> {
  const { batchEventsMax, claimPrivacy } = setup;
  const routes = routesOf(claimPrivacy !== undefined);
  const ids = createUuidSource(() => randomBytes(4).readUInt32LE());
  const repeats = window && new SlabRepeats(window, uuidSuffix(ids), clock, shared.window);
  const limits = setup.limitMemory && new LimitPage(setup.limitMemory);
  const keyPage = setup.keyMemory && new KeyPage(setup.keyMemory);
  let known = knowing(new Apps(setup.digestedApps));
  let knownVersion = 0;
  // Between the scan and the journal a window that others share is asked, and a disk may take its time with an append: the
  // next slab is scanned meanwhile.
  const rooms = repeats && shared.window ? REDIS_SLABS_WAITING_MAX : ROOMS;
  const turns = new Turns(Array.from({ length: rooms }, createRoom));
  let rejected = createRejectedBytes();

  return async function ingest(slab, sessionFrames) {
    const { answer } = await turns.run(
      (own) => {
        const scanned = scan(slab, own);
        const asked = repeats?.ask(own.output);
        return asked === undefined ? scanned : asked.then((ids) => withAsked(scanned, ids));
      },
      (own, scanned) => finish(scanned, own, sessionFrames),
    );
    return answer;
  };

  /** What depends on the apps. Their indexes only grow, so that a slab under way stays what it is. */
  function knowing(apps: Apps): { scanner: Scanner; decodeSetup: DecodeSetup } {
    const programs = routes.map((route) => route.program);
    const scanSetup = { programs, apps: apps.names, batchEventsMax, ids, claimPrivacy };
    return {
      scanner: createScanner(scanSetup, setup.scanner),
      decodeSetup: { routes, routeOf: routeOfDialect, apps, limits },
    };
  }

  /** Reads the apps and keys anew when they have changed. */
  function followKeys(page: KeyPage): void {
    if (page.version === knownVersion) return;
    const { version, table } = page.read();
    known = knowing(new Apps(table.apps, new Map(table.numbers), table.isOpen));
    knownVersion = version;
  }

  function scan(slab: SharedArrayBuffer, { output, arena }: Room): ScannedSlab {
    const startedAtMs = clock.monotonicMs();
    if (keyPage !== undefined) followKeys(keyPage);
    const { scanner, decodeSetup } = known;
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
    refuseUnread(job, output, routes);
    const receipt = meter.received(words, output);
    return { job, receipt, startedAtMs, scannedAtMs: clock.monotonicMs(), asked: undefined };
  }

  /** From the scan to the answers, in one turn. */
  function finish(
    scanned: ScannedSlab,
    { output }: Room,
    sessionFrames: SessionFrames | undefined,
  ): EndedSlab | Promise<EndedSlab> {
    const { job, scannedAtMs } = scanned;
    const { words } = job;
    const waitedMs = clock.monotonicMs() - scannedAtMs;
    const kept = repeats?.setAside(words, output) ?? allLines(output);
    const found: FoundSlab = { scanned, output, kept, waitedMs, foundAtMs: clock.monotonicMs() };
    const isKept = keep(job, output, kept, sessionFrames);
    if (isKept instanceof Promise) return isKept.then((is) => answered(found, is));
    return answered(found, isKept);
  }

  /** The ack point: what the journal has taken here is what an answer promises. */
  function answered({ scanned, output, kept, waitedMs, foundAtMs }: FoundSlab, isKept: boolean): EndedSlab {
    const { job, receipt, asked, startedAtMs } = scanned;
    const { words } = job;
    meter.measured(words, {
      startedAtMs,
      scannedAtMs: foundAtMs,
      writtenAtMs: clock.monotonicMs(),
      waitedMs,
    });
    if (isKept) meter.kept(kept.bytes, output.surrogatesReplaced);
    const synced = isKept ? journal.synced() : undefined;
    // Not before its event is kept is an id known; one that waits for the disk waits with it.
    if (isKept && synced === undefined) repeats?.remember(output, asked);
    if (synced === undefined) meter.ended(words, receipt, isKept);
    if (!isKept) refuseAll(words);
    const replies = withPlace(renderReplies(words, output, routes), isKept ? words[HeaderWord.wants]! : 0);
    if (synced !== undefined)
      return { answer: afterSync(synced, words, receipt, replies, repeats?.hold(output, asked)) };
    countLive(words);
    return { answer: replies };
  }

  /** Adds the slab to the counters of its apps, now that it is certain what became of it. */
  function countLive(words: Uint32Array): void {
    if (shared.counts !== undefined)
      countSlab(shared.counts, words, known.decodeSetup.apps.names, clock.nowMs());
  }

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
  ): boolean | Promise<boolean> {
    try {
      if (scanned.errorCount > 0) {
        const rows = encodeDeadLetters(job, scanned, routes, known.decodeSetup.apps.names, rejected);
        const encoded = rejected.bytes.subarray(0, rejected.length);
        journal.append('rejected', encoded, rows, job.baseTimeMs);
      }
      const entries = sessionFrames && entriesOf(sessionFrames, job.words, job.baseTimeMs);
      const taken = () => {
        if (entries !== undefined) sessions.add(entries);
        return true;
      };
      if (rows === 0 && entries === undefined) return true;
      const lines = scanned.lines.subarray(0, bytes);
      const meta = entries && encodeEntries(entries);
      const written = journal.appendAsync('events', lines, rows, job.baseTimeMs, meta);
      return written === undefined ? taken() : written.then(taken, refused);
    } catch (error) {
      return refused(error);
    } finally {
      rejected = emptied(rejected);
    }
  }

  function refused(error: unknown): false {
    failed(error);
    return false;
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
    countLive(words);
    return replies;
  }
}

/** One is scanned while another is written. */
const ROOMS = 2;

/** Not a spread, which makes a hidden class of its own for every slab. */
function withAsked(scanned: ScannedSlab, asked: AskedIds): ScannedSlab {
  scanned.asked = asked;
  return scanned;
}

function createRoom(): Room {
  return { output: createScanOutput(), arena: createUnwrapArena() };
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

// Hot path.
/** The reference scanner: contract.ts in TypeScript over the bytes. It is the specification, and runs where no compiler is at hand. */
import { assert } from '../../assert.ts';
import { outcome, REASONS } from '../../outcome.ts';
import { FrameWord, frameRow, HeaderWord } from '../../slab/layout.ts';
import type { ScanJob, Scanner, ScanOutput, ScanSetup } from '../contract.ts';
import { openOutput } from '../output.ts';
import { viewOf } from './bytes.ts';
import { addError } from './errors.ts';
import { rollBack, scanFrame } from './frame.ts';
import { createScanState, recordTimesOf, type ScanState } from './state.ts';
import { buildProgramTables, type ProgramTables } from './tables.ts';
import { buildTail } from './tail.ts';

/** A scanner for one thread. It takes its ids from `setup.ids` and keeps no other state from slab to slab. */
export function createReferenceScanner(setup: ScanSetup): Scanner {
  const tables = setup.programs.map(buildProgramTables);
  const first = tables[0];
  assert(first !== undefined, 'a scanner has a program for every route');
  const state = createScanState(setup, first, createEmptyOutput());
  return { name: 'reference', scan: (job, output) => scanSlab(state, tables, job, output) };
}

/** Stands in for an output until the first scan. */
function createEmptyOutput(): ScanOutput {
  const records = new Uint32Array(0);
  return { ...EMPTY_COUNTS, lines: Buffer.alloc(0), records, errors: new Uint32Array(0) };
}
const EMPTY_COUNTS = { lineBytes: 0, recordCount: 0, errorCount: 0, surrogatesReplaced: 0 };

/** By reason: whether a frame refused for it leaves an error row. */
const KEEPS_DEAD_LETTER = REASONS.map((reason, number) => number > 0 && outcome(reason).deadLetter);

function scanSlab(
  state: ScanState,
  tables: readonly ProgramTables[],
  job: ScanJob,
  output: ScanOutput,
): void {
  const words = job.words;
  const slab = bufferOf(job.sources[0]);
  const slabView = viewOf(slab);
  const arena = bufferOf(job.sources[1]);
  const arenaView = viewOf(arena);
  openState(state, output);
  const frameCount = words[HeaderWord.frameCount]!;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    const isInArena = words[row + FrameWord.source] === 1;
    state.frame = frame;
    state.source = isInArena ? 1 : 0;
    state.bytes = isInArena ? arena : slab;
    state.view = isInArena ? arenaView : slabView;
    state.frameStart = words[row + FrameWord.bodyOffset]!;
    state.frameEnd = state.frameStart + words[row + FrameWord.bodyLength]!;
    assert(state.frameEnd <= state.bytes.length, 'a frame lies within its source');
    state.app = words[row + FrameWord.app]!;
    state.receivedMs = Math.floor(job.baseTimeMs) + words[row + FrameWord.receivedDeltaMs]!;
    state.tables = tables[words[row + FrameWord.route]!]!;
    state.slotCapture = state.tables.slotCapture;
    markFrame(state);
    if (words[row + FrameWord.reason] === 0) {
      buildTail(state, words, row, slab, slabView, state.tables.dialectText);
      words[row + FrameWord.reason] = scanFrame(state);
    }
    closeFrame(state, words, row);
  }
  output.lineBytes = state.lineBytes;
  // Nothing of a slab is kept alive by the state.
  state.bytes = EMPTY;
  state.view = EMPTY_VIEW;
}

const EMPTY = Buffer.alloc(0);
const EMPTY_VIEW = viewOf(EMPTY);

/** One hidden class for every source, whatever kind of view the caller has. */
function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Remembers where the output stood, for rollBack. */
function markFrame(state: ScanState): void {
  state.accepted = 0;
  state.rejected = 0;
  state.markLineBytes = state.lineBytes;
  state.markRecordCount = state.output.recordCount;
  state.markErrorCount = state.output.errorCount;
  state.markSurrogates = state.output.surrogatesReplaced;
  state.markIds = state.setup.ids.counter;
}

/** Writes the verdict of the frame; one that is refused leaves at most its error row. */
function closeFrame(state: ScanState, words: Uint32Array, row: number): void {
  const reason = words[row + FrameWord.reason]!;
  if (reason !== 0) {
    rollBack(state);
    state.faultSlot = -1;
    if (KEEPS_DEAD_LETTER[reason] === true) {
      addError(state, 0, reason, state.frameStart, state.frameEnd - state.frameStart);
    }
    state.rejected = 0;
  }
  words[row + FrameWord.accepted] = state.accepted;
  words[row + FrameWord.rejected] = state.rejected;
  words[row + FrameWord.recordStart] = state.markRecordCount;
}

function openState(state: ScanState, output: ScanOutput): void {
  openOutput(output);
  state.output = output;
  state.lines = output.lines;
  state.linesView = viewOf(output.lines);
  state.recordTimes = recordTimesOf(output.records);
  state.lineBytes = 0;
}

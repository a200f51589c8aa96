// Hot path: findEntry, once a key; the rest runs at start.
/**
 * A program as flat tables: for each node a hash table of the keys that it looks for, in one Int32Array.
 * Built once per route at start.
 */
import type { Program, ProgramKey, ProgramSource } from '../../dialects/program.ts';
import { type Text, textOf, viewOf } from './bytes.ts';
import { hashKey } from './keys.ts';
import type { ScanState } from './state.ts';

/** Words of an entry, one for each key of each node. */
export const ENTRY_WORDS = 8;
export const EntryWord = {
  hash: 0,
  keyStart: 1,
  keyLength: 2,
  slot: 3,
  node: 4,
  isEnvelope: 5,
  /** The first and the last four bytes of a key that has four. */
  head: 6,
  last: 7,
} as const;

export interface ProgramTables {
  readonly program: Program;
  readonly isBatch: boolean;
  /** Copies of the program's, which are read for every event. */
  readonly eventSlotCount: number;
  readonly envelopeNode: number;
  readonly hasClaims: boolean;
  readonly entries: Int32Array;
  readonly keyBytes: Uint8Array;
  /** By node: where its cells begin in `cells`, and their count minus one. A cell holds an entry plus 1, or 0. */
  readonly nodeCells: Int32Array;
  readonly nodeMask: Int32Array;
  readonly cells: Int32Array;
  /** Sources of column c, best first, are `sources[columnFirst[c]]` to `[columnFirst[c + 1] - 1]`. */
  readonly columnFirst: Int32Array;
  readonly sources: readonly ProgramSource[];
  /** By source: its slot, or -1. */
  readonly sourceSlots: Int32Array;
  /** By source: the JSON text of a constant. */
  readonly constants: readonly Text[];
  /** By part: its key, and the new names that it gives. */
  readonly partKeys: readonly Text[];
  readonly partRenames: readonly (readonly Text[])[];
  /** By slot: the column that is called like its key, or -1. */
  readonly namedColumns: Int32Array;
  /** By slot: the capture of the event being walked, or -1. Lent to the state. */
  readonly slotCapture: Int32Array;
  /** The dialect's name as a JSON string. */
  readonly dialectText: Text;
}

/** The tables of `program`. */
export function buildProgramTables(program: Program): ProgramTables {
  const all = program.nodes.flat();
  const keyBytes = Buffer.concat(all.map((key) => key.bytes));
  const sources = program.columns.flatMap((column) => column.sources);
  return {
    program,
    isBatch: program.shape === 'batch',
    eventSlotCount: program.eventSlotCount,
    envelopeNode: program.envelopeNode,
    hasClaims: program.ipClaims.length + program.userAgentClaims.length > 0,
    keyBytes,
    ...buildEntries(program, all, keyBytes),
    columnFirst: buildColumnFirst(program),
    sources,
    sourceSlots: Int32Array.from(sources, (source) => source.slot),
    constants: sources.map((source) => textOf(source.constant)),
    partKeys: program.parts.map((part) => textOf(part.key)),
    partRenames: program.parts.map((part) => part.renames.map(({ to }) => textOf(to))),
    namedColumns: Int32Array.from(program.slots, (slot) => slot.namedColumn),
    slotCapture: new Int32Array(program.slots.length).fill(-1),
    dialectText: textOf(JSON.stringify(program.dialect)),
  };
}

function buildEntries(program: Program, all: readonly ProgramKey[], keyBytes: Buffer) {
  const keyView = viewOf(keyBytes);
  const entries = new Int32Array(all.length * ENTRY_WORDS);
  let keyStart = 0;
  for (const [index, key] of all.entries()) {
    const hash = hashKey(keyBytes, keyView, keyStart, key.bytes.length);
    entries.set(
      [hash, keyStart, key.bytes.length, key.slot, key.node, key.isEnvelope ? 1 : 0],
      index * ENTRY_WORDS,
    );
    if (key.bytes.length >= 4) {
      entries[index * ENTRY_WORDS + EntryWord.head] = keyView.getInt32(keyStart, true);
      entries[index * ENTRY_WORDS + EntryWord.last] = keyView.getInt32(keyStart + key.bytes.length - 4, true);
    }
    keyStart += key.bytes.length;
  }
  return { entries, ...buildCells(program.nodes, entries) };
}

function buildCells(nodes: readonly (readonly ProgramKey[])[], entries: Int32Array) {
  const nodeCells = new Int32Array(nodes.length);
  const nodeMask = new Int32Array(nodes.length);
  // A quarter full at most, so that most keys that are not looked for meet an empty cell at once.
  const sizes = nodes.map((keys) => 2 ** Math.ceil(Math.log2(Math.max(1, keys.length) * 4)));
  const cells = new Int32Array(sizes.reduce((sum, size) => sum + size, 0));
  let cellsStart = 0;
  let entry = 0;
  for (const [node, keys] of nodes.entries()) {
    const mask = sizes[node]! - 1;
    nodeCells[node] = cellsStart;
    nodeMask[node] = mask;
    for (const _key of keys) {
      let cell = entries[entry * ENTRY_WORDS + EntryWord.hash]! & mask;
      while (cells[cellsStart + cell] !== 0) cell = (cell + 1) & mask;
      cells[cellsStart + cell] = ++entry;
    }
    cellsStart += sizes[node]!;
  }
  return { nodeCells, nodeMask, cells };
}

function buildColumnFirst(program: Program): Int32Array {
  const columnFirst = new Int32Array(program.columns.length + 1);
  for (const [column, { sources }] of program.columns.entries()) {
    columnFirst[column + 1] = columnFirst[column]! + sources.length;
  }
  return columnFirst;
}

/** Entry of the program's node whose key is the one at `top`, or -1. */
export function findEntry(state: ScanState, tables: ProgramTables, node: number, top: number): number {
  const wanted = state.keyHash[top]!;
  const first = tables.nodeCells[node]!;
  const mask = tables.nodeMask[node]!;
  let cell = wanted & mask;
  for (;;) {
    const entry = tables.cells[first + cell]! - 1;
    if (entry < 0) return -1;
    if (
      tables.entries[entry * ENTRY_WORDS + EntryWord.hash] === wanted &&
      isEntry(state, tables, entry, top)
    ) {
      return entry;
    }
    cell = (cell + 1) & mask;
  }
}

function isEntry(state: ScanState, tables: ProgramTables, entry: number, top: number): boolean {
  const length = state.keyLength[top]!;
  if (tables.entries[entry * ENTRY_WORDS + EntryWord.keyLength] !== length) return false;
  const keyStart = tables.entries[entry * ENTRY_WORDS + EntryWord.keyStart]!;
  const position = state.keyStart[top]!;
  const bytes = position < 0 ? state.scratch : state.bytes;
  const start = position < 0 ? ~position : position;
  let from = 0;
  let to = length;
  if (length >= 4) {
    const view = position < 0 ? state.scratchView : state.view;
    const row = entry * ENTRY_WORDS;
    if (view.getInt32(start, true) !== tables.entries[row + EntryWord.head]) return false;
    if (view.getInt32(start + length - 4, true) !== tables.entries[row + EntryWord.last]) return false;
    from = 4;
    to = length - 4;
  }
  for (let index = from; index < to; index++) {
    if (bytes[start + index] !== tables.keyBytes[keyStart + index]) return false;
  }
  return true;
}

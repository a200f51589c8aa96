// Hot path: findEntry, once a key; the rest runs at start.
/**
 * A program as flat tables: for each node a hash table of the keys that it looks for, in one Int32Array.
 * Built once per route at start.
 */
import type { Program, ProgramKey } from '../../dialects/compile.ts';
import { CLIENT_COLUMNS } from '../../event.ts';
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
  readonly entries: Int32Array;
  readonly keyBytes: Uint8Array;
  /** By node: where its cells begin in `cells`, and their count minus one. A cell holds an entry plus 1, or 0. */
  readonly nodeCells: Int32Array;
  readonly nodeMask: Int32Array;
  readonly cells: Int32Array;
  /** Node of the envelope's own keys. */
  readonly envelopeNode: number;
  /** Slots of column c, best first, are `columnSlots[columnFirst[c]]` to `[columnFirst[c + 1] - 1]`. */
  readonly columnFirst: Int32Array;
  readonly columnSlots: Int32Array;
  readonly slotColumn: Int32Array;
  /** 1 for a slot whose key is called like its column. */
  readonly slotIsNamed: Uint8Array;
  /** By slot: the capture of the event being walked, or -1. Lent to the state. */
  readonly slotCapture: Int32Array;
  /** The dialect's name as a JSON string. */
  readonly dialectText: Text;
}

interface TableKey extends ProgramKey {
  readonly isEnvelope: boolean;
}

/** The tables of `program`. */
export function buildProgramTables(program: Program): ProgramTables {
  const nodes: TableKey[][] = program.nodes.map((keys) => keys.map((key) => ({ ...key, isEnvelope: false })));
  const envelopeKeys = program.shape === 'batch' ? program.envelopeKeys : [];
  nodes[0] = withEnvelopeKeys(nodes[0] ?? [], envelopeKeys);
  const envelopeNode = nodes.length;
  nodes.push(withEnvelopeKeys([], envelopeKeys));

  const all = nodes.flat();
  const keyBytes = Buffer.concat(all.map((key) => key.bytes));
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
  return {
    program,
    entries,
    keyBytes,
    ...buildCells(nodes, entries),
    envelopeNode,
    ...buildColumnSlots(program),
    slotCapture: new Int32Array(program.slotCount).fill(-1),
    dialectText: textOf(JSON.stringify(program.dialect)),
  };
}

function withEnvelopeKeys(keys: readonly TableKey[], envelopeKeys: readonly Uint8Array[]): TableKey[] {
  const merged = keys.map((key) => ({
    ...key,
    isEnvelope: envelopeKeys.some((name) => Buffer.compare(name, key.bytes) === 0),
  }));
  for (const bytes of envelopeKeys) {
    if (merged.some((key) => Buffer.compare(key.bytes, bytes) === 0)) continue;
    merged.push({ bytes, slot: -1, node: -1, isEnvelope: true });
  }
  return merged;
}

function buildCells(nodes: readonly (readonly TableKey[])[], entries: Int32Array) {
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

function buildColumnSlots(program: Program) {
  const columnFirst = new Int32Array(CLIENT_COLUMNS.length + 1);
  const slotColumn = new Int32Array(program.slotCount);
  const slotIsNamed = new Uint8Array(program.slotCount);
  const slots: number[] = [];
  for (const [column, columnSlots] of program.columnSlots.entries()) {
    columnFirst[column] = slots.length;
    for (const slot of columnSlots) {
      slots.push(slot);
      slotColumn[slot] = column;
      slotIsNamed[slot] = program.fields[slot]!.split('.').at(-1) === CLIENT_COLUMNS[column]!.name ? 1 : 0;
    }
  }
  columnFirst[CLIENT_COLUMNS.length] = slots.length;
  return { columnFirst, columnSlots: Int32Array.from(slots), slotColumn, slotIsNamed };
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

/** The paths of a table: their slots, and the trie of keys by which a walk finds them. */
import { CLIENT_COLUMNS } from '../event.ts';
import { PROGRAM_SLOTS_MAX } from '../limits.ts';
import { contradiction } from './contradiction.ts';
import type { ProgramKey } from './program.ts';

/** What begins a path of the envelope. */
const ENVELOPE_MARK = '^';

export interface Paths {
  readonly nodes: readonly (readonly ProgramKey[])[];
  readonly envelopeNode: number;
  readonly eventSlotCount: number;
  /** By slot. */
  readonly fields: readonly string[];
  readonly namedColumns: readonly number[];
  slotOf(path: string): number;
}

/**
 * Gives each distinct path of `named` a slot, the event's before the envelope's, in the order given. `dialect` is
 * named in faults: a path with an empty key, one into the array of an envelope, and too many of them.
 */
export function layPaths(dialect: string, named: readonly string[], envelopeKeys: readonly string[]): Paths {
  const distinct = [...new Set(named)];
  const fields = [
    ...distinct.filter((path) => !isOfEnvelope(path)),
    ...distinct.filter((path) => isOfEnvelope(path)),
  ];
  if (fields.length > PROGRAM_SLOTS_MAX) {
    throw contradiction(
      dialect,
      fields[PROGRAM_SLOTS_MAX] ?? '',
      `is one of more than ${PROGRAM_SLOTS_MAX} paths`,
    );
  }
  const nodes: Entry[][] = [[]];
  for (const [slot, path] of fields.entries()) {
    if (!isOfEnvelope(path)) addPath(nodes, 0, dialect, path, slot);
  }
  for (const key of envelopeKeys) entryOf(nodes[0] ?? [], key).isEnvelope = true;
  const envelopeNode = nodes.push([]) - 1;
  for (const key of envelopeKeys) entryOf(nodes[envelopeNode] ?? [], key).isEnvelope = true;
  for (const [slot, path] of fields.entries()) {
    if (isOfEnvelope(path)) addPath(nodes, envelopeNode, dialect, path, slot);
  }
  const slots = new Map(fields.map((path, slot) => [path, slot]));
  return {
    nodes,
    envelopeNode,
    eventSlotCount: fields.filter((path) => !isOfEnvelope(path)).length,
    fields,
    namedColumns: fields.map(lastKeyOf).map((key) => CLIENT_COLUMNS.findIndex(({ name }) => name === key)),
    slotOf: (path) => slots.get(path) ?? -1,
  };
}

/** Whether a path begins at the envelope's root. */
export function isOfEnvelope(path: string): boolean {
  return path.startsWith(ENVELOPE_MARK);
}

/** The keys of a path, without the envelope's mark. */
export function keysOf(path: string): string[] {
  return (isOfEnvelope(path) ? path.slice(ENVELOPE_MARK.length) : path).split('.');
}

/** The key under which the value of a path stands. */
export function lastKeyOf(path: string): string {
  return keysOf(path).at(-1) ?? '';
}

interface Entry {
  readonly bytes: Uint8Array;
  slot: number;
  node: number;
  isEnvelope: boolean;
}

function entryOf(entries: Entry[], key: string): Entry {
  const bytes = Buffer.from(key);
  let entry = entries.find((candidate) => bytes.equals(candidate.bytes));
  if (entry === undefined) {
    entry = { bytes, slot: -1, node: -1, isEnvelope: false };
    entries.push(entry);
  }
  return entry;
}

function addPath(nodes: Entry[][], root: number, dialect: string, path: string, slot: number): void {
  const keys = keysOf(path);
  let entries = nodes[root] ?? [];
  for (const [depth, key] of keys.entries()) {
    if (key === '') throw contradiction(dialect, path, 'has an empty key');
    const entry = entryOf(entries, key);
    if (root > 0 && depth === 0 && entry.isEnvelope) {
      throw contradiction(dialect, path, 'is where the events of the envelope stand');
    }
    if (depth === keys.length - 1) {
      entry.slot = slot;
    } else {
      if (entry.node === -1) entry.node = nodes.push([]) - 1;
      entries = nodes[entry.node] ?? [];
    }
  }
}

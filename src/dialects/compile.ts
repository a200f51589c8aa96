/**
 * Compiles a dialect's table into the flat program that scanners follow: a trie of keys whose leaves are slots,
 * and for each canonical column the slots that may fill it, in order of preference. No names are left in it but
 * the bytes of keys, so that a scanner in any language can run it.
 */
import { CLIENT_COLUMNS, type ClientColumn, ColumnIndex } from '../event.ts';
import type { Dialect, Shape } from './dialect.ts';

/** One key of an object that the program looks at. */
export interface ProgramKey {
  readonly bytes: Uint8Array;
  /** Slot that takes the value, or -1. */
  readonly slot: number;
  /** Node whose keys are looked for inside the value when it is an object, or -1. */
  readonly node: number;
}

export interface Program {
  readonly dialect: string;
  readonly shape: Shape;
  readonly envelopeKeys: readonly Uint8Array[];
  /** Node 0 is the event's root. */
  readonly nodes: readonly (readonly ProgramKey[])[];
  readonly slotCount: number;
  /** For each column of CLIENT_COLUMNS its slots, the first present and not null winning. */
  readonly columnSlots: readonly (readonly number[])[];
  /** Paths by slot: what `field` says in answers and in events_rejected. */
  readonly fields: readonly string[];
  /** Column that takes top-level fields which no path names. */
  readonly restColumn: number;
  /** Groups of columns, one of each of which must be there; reported as the first column's first path. */
  readonly required: readonly (readonly number[])[];
}

/** The program of one shape of a dialect. Throws on a table that contradicts itself: a start-up fault. */
export function compileDialect(dialect: Dialect, shape: Shape): Program {
  const nodes: Entry[][] = [[]];
  const fields: string[] = [];
  const columnSlots = CLIENT_COLUMNS.map((column) =>
    (dialect.columns[column.name] ?? []).map((path) => {
      const slot = fields.length;
      fields.push(path);
      addPath(nodes, path, slot, dialect.name);
      return slot;
    }),
  );
  return {
    dialect: dialect.name,
    shape,
    envelopeKeys: dialect.envelopeKeys.map((key) => Buffer.from(key)),
    nodes,
    slotCount: fields.length,
    columnSlots,
    fields,
    restColumn: ColumnIndex[dialect.rest],
    required: dialect.required.map((group) =>
      (typeof group === 'string' ? [group] : group).map((name: ClientColumn) => ColumnIndex[name]),
    ),
  };
}

interface Entry {
  readonly bytes: Uint8Array;
  slot: number;
  node: number;
}

function addPath(nodes: Entry[][], path: string, slot: number, dialect: string): void {
  const keys = path.split('.');
  let entries = nodes[0] ?? [];
  for (const [depth, key] of keys.entries()) {
    const bytes = Buffer.from(key);
    let entry = entries.find((candidate) => bytes.equals(candidate.bytes));
    if (entry === undefined) {
      entry = { bytes, slot: -1, node: -1 };
      entries.push(entry);
    }
    if (depth === keys.length - 1) {
      if (entry.slot !== -1) throw new Error(`dialect ${dialect}: path ${path} stands twice`);
      entry.slot = slot;
    } else {
      if (entry.node === -1) entry.node = nodes.push([]) - 1;
      entries = nodes[entry.node] ?? [];
    }
  }
}

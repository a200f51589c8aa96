/** What a look at a slab's lines finds, and the contract of the window that looks. */
import type { ScanOutput } from '../scan/contract.ts';

/**
 * Bytes of an id as processes tell it each other: under a key that they share, place and the low half of the tag. Among
 * 100 million ids of 96 bits a new one looks like another once in 8e20.
 */
export const SHARED_ID_BYTES = 12;

/** Owned by the caller, used again for every slab. */
export interface Findings {
  /** Two words an id that is new, in order: place and tag. */
  fresh: BigUint64Array;
  freshCount: number;
  /** Rows of the records that repeat an id which is kept, or which stands before them in the slab; ascending. */
  repeats: Uint32Array;
  repeatCount: number;
}

/** The window of layout.ts as one thread uses it. */
export interface DedupWindow {
  readonly name: 'reference' | 'native';
  /**
   * Splits the records of `output` into new ids and repeats. Ids that end in `madeSuffix`, which the scanner made, are
   * neither. Changes nothing in the window. `nowMs`, here and below, is in whole milliseconds of a clock that only grows, the
   * same for all threads.
   */
  find(output: ScanOutput, madeSuffix: Uint8Array, nowMs: number, findings: Findings): void;
  /** Remembers the first `count` ids of `fresh`: their events are kept. */
  remember(fresh: BigUint64Array, count: number, nowMs: number): void;
  /**
   * Writes the ids that `find` called fresh, in their order, as SHARED_ID_BYTES each under `key` (two words). `target` has
   * room for all of them. Gives how many they are: `freshCount`.
   */
  writeSharedIds(
    key: BigUint64Array,
    output: ScanOutput,
    madeSuffix: Uint8Array,
    findings: Findings,
    target: Uint8Array,
  ): number;
  /** Remembers the ids of whole canonical lines that were kept earlier. Gives how many lines there are. */
  rememberLines(lines: Uint8Array, nowMs: number): number;
}

/** A window that processes share (redis/shared-window.ts). */
export interface SharedWindow {
  /** Two words under which ids are hashed, the same object while it is the same key; undefined while nobody can be asked. */
  key(): BigUint64Array | undefined;
  /**
   * Places, ascending, of those ids (SHARED_ID_BYTES each) whose events a process has kept; none when no answer comes
   * in time. Never rejects. The bytes must not change any more.
   */
  look(ids: Uint8Array): Promise<readonly number[]>;
  /** Makes ids known whose events are kept; undefined where they could not even be written down. The bytes must not change any more. */
  tell(ids: Uint8Array | undefined, count: number): void;
}

/** Findings with room for nothing yet. */
export function createFindings(): Findings {
  return { fresh: new BigUint64Array(0), freshCount: 0, repeats: new Uint32Array(0), repeatCount: 0 };
}

/** Makes room for the findings of `recordCount` records; a quarter more, since slabs differ a little. */
export function reserveFindings(findings: Findings, recordCount: number): void {
  if (findings.repeats.length >= recordCount) return;
  const room = Math.ceil(recordCount * 1.25);
  findings.fresh = new BigUint64Array(2 * room);
  findings.repeats = new Uint32Array(room);
}

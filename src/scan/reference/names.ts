// Hot path.
/**
 * The names of an object that is being written: a key that is taken gets underscores before it until it is free. Few
 * are kept on the stack of keys, many in a map.
 */
import { KEYS_COMPARED_MAX } from '../../limits.ts';
import { UNDERSCORE } from './bytes.ts';
import { findKey, hashKey, keyString } from './keys.ts';
import type { ScanState } from './state.ts';
import { growScratch } from './strings.ts';

/** Keys taken, by what stands behind their underscores: for each taken count of underscores a higher one to try. */
export type TakenKeys = Map<string, Map<number, number>>;

/**
 * The keys on the stack, to which up to `more` will come; as a map, with the stack empty, where they are many:
 * trying name after name would be quadratic.
 */
export function openNames(state: ScanState, more: number): TakenKeys | undefined {
  if (state.keyTop + more <= KEYS_COMPARED_MAX) return undefined;
  const taken: TakenKeys = new Map();
  for (let index = 0; index < state.keyTop; index++) takeKey(state, taken, index);
  state.keyTop = 0;
  return taken;
}

/** Takes the name of the key on top of the stack, or the next free one. Returns the underscores that had to be added. */
export function takeName(state: ScanState, taken: TakenKeys | undefined): number {
  const top = state.keyTop - 1;
  if (taken === undefined) return renameKey(state, top);
  state.keyTop = top;
  return takeKey(state, taken, top);
}

/** Underscores that free the key at `top` among those below it, which it then joins under its new name. */
function renameKey(state: ScanState, top: number): number {
  let underscores = 0;
  while (findKey(state, 0, top) >= 0) {
    underscores++;
    const length = state.keyLength[top]!;
    growScratch(state, length + 1);
    const position = state.keyStart[top]!;
    const bytes = position < 0 ? state.scratch : state.bytes;
    const start = position < 0 ? ~position : position;
    const renamed = state.scratchTop;
    state.scratch[renamed] = UNDERSCORE;
    bytes.copy(state.scratch, renamed + 1, start, start + length);
    state.scratchTop = renamed + 1 + length;
    state.keyStart[top] = ~renamed;
    state.keyLength[top] = length + 1;
    state.keyHash[top] = hashKey(state.scratch, state.scratchView, renamed, length + 1);
  }
  return underscores;
}

/** Takes the name of the key at `index`, or the next free one. Returns the underscores that had to be added. */
function takeKey(state: ScanState, taken: TakenKeys, index: number): number {
  const position = state.keyStart[index]!;
  const bytes = position < 0 ? state.scratch : state.bytes;
  const start = position < 0 ? ~position : position;
  const length = state.keyLength[index]!;
  let own = 0;
  while (own < length && bytes[start + own] === UNDERSCORE) own++;
  state.keyStart[index] = position < 0 ? ~(start + own) : start + own;
  state.keyLength[index] = length - own;
  const stem = keyString(state, index);
  let counts = taken.get(stem);
  if (counts === undefined) {
    counts = new Map();
    taken.set(stem, counts);
  }
  let free = own;
  for (let next = counts.get(free); next !== undefined; next = counts.get(free)) free = next;
  // Every name tried on the way now points behind the one that is taken, so that no chain is walked twice.
  for (let at = own; at < free; ) {
    const next = counts.get(at)!;
    counts.set(at, free + 1);
    at = next;
  }
  counts.set(free, free + 1);
  return free - own;
}

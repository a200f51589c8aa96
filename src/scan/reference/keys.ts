// Hot path.
/**
 * Keys of objects: pushed on a stack while their object is open, and compared unescaped with their neighbours. Up
 * to KEYS_COMPARED_MAX keys an object compares one by one; from there on a Set of strings takes over, whose hash
 * V8 seeds, so that no client can make the check quadratic.
 */
import { hash } from 'node:crypto';
import { EVENT_KEYS_MAX, KEY_STRING_BYTES_MAX, KEYS_COMPARED_MAX } from '../../limits.ts';
import { ReasonNumber } from '../../outcome.ts';
import type { ScanState } from './state.ts';
import { decodeString } from './strings.ts';

/** Length and the outer eight bytes, mixed. Keys that differ only within collide; their bytes are compared. */
export function hashKey(bytes: Uint8Array, view: DataView, start: number, length: number): number {
  let mixed = length;
  if (length >= 4) {
    mixed ^= Math.imul(view.getInt32(start, true), 0x9e3779b1);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x85ebca77) ^ view.getInt32(start + length - 4, true);
  } else if (length > 0) {
    mixed ^=
      (bytes[start]! << 24) | (bytes[start + (length >> 1)]! << 16) | (bytes[start + length - 1]! << 8);
  }
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0xc2b2ae3d);
  return mixed ^ (mixed >>> 15);
}

/** Puts a key, given by its raw text, on the stack. Returns its place there. */
export function pushKey(state: ScanState, start: number, end: number, escaped: boolean): number {
  let length = end - start;
  let position = start;
  const top = state.keyTop++;
  if (escaped) {
    position = state.scratchTop;
    length = decodeString(state, start, end);
    state.keyHash[top] = hashKey(state.scratch, state.scratchView, position, length);
    position = ~position;
  } else {
    state.keyHash[top] = hashKey(state.bytes, state.view, start, length);
  }
  state.keyStart[top] = position;
  state.keyLength[top] = length;
  return top;
}

/**
 * The fault of the key on top of the stack in the object whose keys begin at `base`, or 0. `seen` is what
 * `collectKeys` returned for this object, or undefined while it has few keys.
 */
export function checkKey(state: ScanState, base: number, seen: Set<string> | undefined): number {
  const top = state.keyTop - 1;
  if (seen === undefined) {
    if (findKey(state, base, top) >= 0) return ReasonNumber.duplicate_key;
  } else {
    const size = seen.size;
    seen.add(keyString(state, top));
    if (seen.size === size) return ReasonNumber.duplicate_key;
  }
  return ++state.keyCount > EVENT_KEYS_MAX ? ReasonNumber.too_many_keys : 0;
}

/** Place of the key equal to the one at `top` among those from `base` below it, or -1. */
export function findKey(state: ScanState, base: number, top: number): number {
  const keyHash = state.keyHash;
  const wanted = keyHash[top]!;
  for (let index = base; index < top; index++) {
    if (keyHash[index] === wanted && isSameKey(state, index, top)) return index;
  }
  return -1;
}

function isSameKey(state: ScanState, left: number, right: number): boolean {
  const length = state.keyLength[left]!;
  if (length !== state.keyLength[right]!) return false;
  let leftStart = state.keyStart[left]!;
  let rightStart = state.keyStart[right]!;
  const leftBytes = leftStart < 0 ? state.scratch : state.bytes;
  const rightBytes = rightStart < 0 ? state.scratch : state.bytes;
  if (leftStart < 0) leftStart = ~leftStart;
  if (rightStart < 0) rightStart = ~rightStart;
  for (let index = 0; index < length; index++) {
    if (leftBytes[leftStart + index] !== rightBytes[rightStart + index]) return false;
  }
  return true;
}

/** The keys from `base` to the top as a set, once there are more than are compared one by one; else undefined. */
export function collectKeys(state: ScanState, base: number): Set<string> | undefined {
  if (state.keyTop - base < KEYS_COMPARED_MAX) return undefined;
  const seen = new Set<string>();
  for (let index = base; index < state.keyTop; index++) seen.add(keyString(state, index));
  return seen;
}

/**
 * A string that is equal for equal keys only. Long ones are represented by a digest, since V8 hashes strings of
 * over 16,383 characters by their length alone.
 */
export function keyString(state: ScanState, index: number): string {
  const length = state.keyLength[index]!;
  const position = state.keyStart[index]!;
  const bytes = position < 0 ? state.scratch : state.bytes;
  const start = position < 0 ? ~position : position;
  if (length <= KEY_STRING_BYTES_MAX) return bytes.toString('latin1', start, start + length);
  return `\u0100${hash('sha256', bytes.subarray(start, start + length), 'base64')}`;
}

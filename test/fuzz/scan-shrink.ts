/** The smallest slab that still shows a difference, as far as dropping parts leads. */
import type { FuzzFrame } from './scan-compare.ts';

/** Shrinking ends after this time with what it has: some slabs take a tenth of a second each time. */
const SHRINK_TIME_MAX_MS = 60_000;
/** Parts dropped at once in the last passes: longer than the members that generated events have most. */
const PARTS_DROPPED_MAX = 32;
/** Bodies longer than this are not dropped byte by byte again and again. */
const FINE_BYTES_MAX = 4096;

/** The fewest frames and bytes for which `differs` still holds. */
export function shrink(
  frames: readonly FuzzFrame[],
  differs: (frames: readonly FuzzFrame[]) => boolean,
): readonly FuzzFrame[] {
  const deadline = performance.now() + SHRINK_TIME_MAX_MS;
  const differsInTime = (some: readonly FuzzFrame[]) => performance.now() < deadline && differs(some);
  let smallest = dropParts(frames, differsInTime);
  for (let index = 0; index < smallest.length; index++) {
    const { body, ...plain } = smallest[index]!;
    const replace = (bytes: Buffer, rest: Omit<FuzzFrame, 'body'> = plain) =>
      smallest.map((frame, at) => (at === index ? { ...rest, body: bytes } : frame));
    const bytes = shrinkBytes(Buffer.from(body), (some) => differsInTime(replace(some)));
    smallest = replace(bytes);
    const bare = replace(bytes, { route: plain.route ?? 0 });
    if (differsInTime(bare)) smallest = bare;
  }
  return smallest;
}

function shrinkBytes(bytes: Buffer, differs: (bytes: Buffer) => boolean): Buffer {
  for (let before = -1; before !== bytes.length; ) {
    before = bytes.length;
    bytes = dropSpans(bytes, differs);
    bytes = Buffer.from(dropParts([...bytes], (parts) => differs(Buffer.from(parts))));
    if (bytes.length > FINE_BYTES_MAX) continue;
    for (let size = PARTS_DROPPED_MAX; size >= 1; size--) {
      bytes = Buffer.from(dropEach([...bytes], size, (parts) => differs(Buffer.from(parts))));
    }
  }
  return bytes;
}

/** Drops whole objects and arrays, and the byte behind each: a comma, mostly. */
function dropSpans(bytes: Buffer, differs: (bytes: Buffer) => boolean): Buffer {
  for (let at = 0; at < bytes.length; at++) {
    for (const end of spanEnds(bytes, at)) {
      const without = Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      if (!differs(without)) continue;
      bytes = without;
      at--;
      break;
    }
  }
  return bytes;
}

/** Where the bracket at `at` is closed, as brackets count: one byte behind that, and the byte itself; else nothing. */
function spanEnds(bytes: Buffer, at: number): number[] {
  let depth = 0;
  for (let index = at; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte === 0x7b || byte === 0x5b) depth++;
    if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth === 0) return index === at ? [] : [index + 2, index + 1];
  }
  return [];
}

/** Drops halves, then quarters, down to single parts, as long as what is left still differs. */
function dropParts<Part>(
  parts: readonly Part[],
  differs: (parts: readonly Part[]) => boolean,
): readonly Part[] {
  for (let size = parts.length >> 1; size >= 1; size >>= 1) parts = dropEach(parts, size, differs);
  return parts;
}

function dropEach<Part>(
  parts: readonly Part[],
  size: number,
  differs: (parts: readonly Part[]) => boolean,
): readonly Part[] {
  for (let at = 0; at + size <= parts.length; ) {
    const without = [...parts.slice(0, at), ...parts.slice(at + size)];
    if (without.length > 0 && differs(without)) parts = without;
    else at += size;
  }
  return parts;
}

// Hot path: once a frame, which is once an event where events come alone.
/** Peer addresses as text: dotted quads, RFC 5952 for IPv6, and IPv4 within IPv6 (::ffff:a.b.c.d) as a dotted quad. */

const DIGITS = Buffer.from('0123456789abcdef');
/** The longest: eight groups of four digits and seven colons. */
export const ADDRESS_TEXT_BYTES_MAX = 39;

/** Writes the text of the 4 or 16 bytes at `start` to `at` of `target`; returns the position behind it. */
export function writeAddress(
  bytes: Uint8Array,
  start: number,
  length: number,
  target: Uint8Array,
  at: number,
): number {
  if (length === 4) return writeQuad(bytes, start, target, at);
  if (isMapped(bytes, start)) return writeQuad(bytes, start + 12, target, at);
  const run = longestZeroRun(bytes, start);
  const runStart = run >> 4;
  const runEnd = runStart + (run & 15);
  for (let group = 0; group < 8; group++) {
    if (group === runStart && runEnd > runStart) {
      target[at++] = 0x3a;
      if (group === 0) target[at++] = 0x3a;
      group = runEnd - 1;
      continue;
    }
    at = writeGroup(groupAt(bytes, start, group), target, at);
    if (group < 7) target[at++] = 0x3a;
  }
  return at;
}

function groupAt(bytes: Uint8Array, start: number, group: number): number {
  return (bytes[start + 2 * group]! << 8) | bytes[start + 2 * group + 1]!;
}

function isMapped(bytes: Uint8Array, start: number): boolean {
  for (let group = 0; group < 5; group++) if (groupAt(bytes, start, group) !== 0) return false;
  return groupAt(bytes, start, 5) === 0xffff;
}

/** First of the longest runs of two zero groups or more: its start times 16 plus its length, or 0 for none. */
function longestZeroRun(bytes: Uint8Array, start: number): number {
  let best = 0;
  let runStart = -1;
  for (let group = 0; group <= 8; group++) {
    if (group < 8 && groupAt(bytes, start, group) === 0) {
      if (runStart < 0) runStart = group;
    } else if (runStart >= 0) {
      const length = group - runStart;
      if (length >= 2 && length > (best & 15)) best = (runStart << 4) | length;
      runStart = -1;
    }
  }
  return best;
}

function writeGroup(value: number, target: Uint8Array, at: number): number {
  let isLeading = true;
  for (let shift = 12; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    if (isLeading && digit === 0 && shift > 0) continue;
    isLeading = false;
    target[at++] = DIGITS[digit]!;
  }
  return at;
}

function writeQuad(bytes: Uint8Array, start: number, target: Uint8Array, at: number): number {
  for (let part = 0; part < 4; part++) {
    const value = bytes[start + part]!;
    if (part > 0) target[at++] = 0x2e;
    if (value >= 100) target[at++] = DIGITS[(value / 100) | 0]!;
    if (value >= 10) target[at++] = DIGITS[((value / 10) | 0) % 10]!;
    target[at++] = DIGITS[value % 10]!;
  }
  return at;
}

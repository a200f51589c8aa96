// Hot path: per byte of bodies in base64.

const FIRST = 0xed;

/**
 * CESU-8 (https://www.unicode.org/reports/tr26/) made UTF-8, in place: a character beyond the first 65,536 that was
 * written as two halves of three bytes becomes one of four, a half alone U+FFFD, as an escaped one does. Returns the
 * part of `bytes` that is used.
 */
export function joinSurrogates(bytes: Buffer): Buffer {
  let at = bytes.indexOf(FIRST);
  if (at === -1) return bytes;
  let to = at;
  const length = bytes.length;
  while (at < length) {
    if (isHalf(bytes, at, 0xa0) && isHalf(bytes, at + 3, 0xb0)) {
      const high = ((bytes[at + 1]! & 0x0f) << 6) | (bytes[at + 2]! & 0x3f);
      const low = ((bytes[at + 4]! & 0x0f) << 6) | (bytes[at + 5]! & 0x3f);
      const point = 0x1_0000 + high * 0x400 + low;
      bytes[to++] = 0xf0 | (point >> 18);
      bytes[to++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[to++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[to++] = 0x80 | (point & 0x3f);
      at += 6;
    } else if (isHalf(bytes, at, 0xa0) || isHalf(bytes, at, 0xb0)) {
      bytes[to++] = 0xef;
      bytes[to++] = 0xbf;
      bytes[to++] = 0xbd;
      at += 3;
    } else {
      bytes[to++] = bytes[at++]!;
    }
  }
  return bytes.subarray(0, to);
}

/** Whether a surrogate stands at `at`: its second byte is from `second` on, 16 values. */
function isHalf(bytes: Buffer, at: number, second: number): boolean {
  return bytes[at] === FIRST && (bytes[at + 1]! & 0xf0) === second && (bytes[at + 2]! & 0xc0) === 0x80;
}

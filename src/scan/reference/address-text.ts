// Hot path where events say their own addresses.
/**
 * Addresses from text, as bytes in network order: dotted quads of decimal numbers without leading zeros, and the forms of
 * IPv6 in RFC 4291, section 2.2, in letters of either case. No ports, no zones, no networks.
 */
import { COLON, DOT, isDigit, ZERO } from './bytes.ts';

/** The longest: six groups of four digits and a dotted quad. */
export const ADDRESS_INPUT_BYTES_MAX = 45;
/** Bytes of an address, of either kind, at most. */
export const ADDRESS_BYTES_MAX = 16;

/**
 * Reads the text from `start` to `end` into the first bytes of `target`, which has room for 16. Returns their count, 4 or
 * 16, also 4 for IPv4 within IPv6 (::ffff:a.b.c.d); 0 when the text is no address, and `target` is then whatever it is.
 */
export function readAddress(bytes: Uint8Array, start: number, end: number, target: Uint8Array): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] !== COLON) continue;
    if (!readGroups(bytes, start, end, target)) return 0;
    if (!isMapped(target)) return 16;
    target.copyWithin(0, 12, 16);
    return 4;
  }
  return readQuad(bytes, start, end, target, 0) ? 4 : 0;
}

function isMapped(address: Uint8Array): boolean {
  for (let index = 0; index < 10; index++) if (address[index] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

function readQuad(bytes: Uint8Array, at: number, end: number, target: Uint8Array, to: number): boolean {
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (at >= end || bytes[at++] !== DOT)) return false;
    const first = at;
    let value = 0;
    while (at < end && at < first + 3 && isDigit(bytes[at]!)) value = value * 10 + bytes[at++]! - ZERO;
    if (at === first || value > 255 || (bytes[first] === ZERO && at > first + 1)) return false;
    target[to + part] = value;
  }
  return at === end;
}

function readGroups(bytes: Uint8Array, at: number, end: number, target: Uint8Array): boolean {
  let to = 0;
  /** Where in `target` `::` stands, or -1. */
  let gap = -1;
  if (bytes[at] === COLON) {
    if (at + 1 >= end || bytes[at + 1] !== COLON) return false;
    gap = 0;
    at += 2;
  }
  while (at < end) {
    const first = at;
    let value = 0;
    for (let digit = 0; at < end && at < first + 4; at++) {
      digit = hexDigit(bytes[at]!);
      if (digit < 0) break;
      value = (value << 4) | digit;
    }
    if (at < end && bytes[at] === DOT) {
      if (to > 12 || !readQuad(bytes, first, end, target, to)) return false;
      to += 4;
      break;
    }
    if (at === first || to === 16) return false;
    target[to++] = value >> 8;
    target[to++] = value & 255;
    if (at === end) break;
    // Behind a colon more must follow, if only the second one of `::`.
    if (bytes[at++] !== COLON || at === end) return false;
    if (bytes[at] !== COLON) continue;
    if (gap >= 0) return false;
    gap = to;
    at++;
  }
  if (gap < 0) return to === 16;
  // `::` stands for one group of zeros at least.
  if (to === 16) return false;
  target.copyWithin(16 - (to - gap), gap, to);
  target.fill(0, gap, 16 - (to - gap));
  return true;
}

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - ZERO;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

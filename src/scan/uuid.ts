// Hot path: runs once for every event whose client sent no id.
/**
 * UUIDv7 (RFC 9562 §5.7) for events whose client sent no id. 48 bits of time, then a 32-bit counter (§6.2,
 * method 1) and 42 bits that are random per source: unique within a source by the counter, between sources by
 * the random bits. Deterministic after construction, so that two scanners given equal sources give equal ids.
 */
export interface UuidSource {
  /** The 42 bits of this source: the upper 10 and the lower 32. */
  readonly nodeHigh: number;
  readonly nodeLow: number;
  /** Next value of the counter; scanners take it and add one for every id. */
  counter: number;
}

/** A source with the given random words. `random` gives 32-bit unsigned integers. */
export function createUuidSource(random: () => number): UuidSource {
  return { nodeHigh: random() & 0x3ff, nodeLow: random() >>> 0, counter: random() >>> 0 };
}

const HEX = Buffer.from('0123456789abcdef');
const SUFFIX_DIGITS = 8;

/** The characters in which all ids of this source end, and of others one in four thousand million. */
export function uuidSuffix(source: UuidSource): Uint8Array {
  const suffix = new Uint8Array(SUFFIX_DIGITS);
  writeHex(suffix, 0, source.nodeLow, SUFFIX_DIGITS);
  return suffix;
}

/** Writes the 36 characters of the next id at `offset` of `target`, which the caller has made large enough. */
export function writeUuid(source: UuidSource, nowMs: number, target: Uint8Array, offset: number): void {
  const counter = source.counter;
  source.counter = (counter + 1) >>> 0;
  const timeHigh = Math.floor(nowMs / 0x1_0000);
  const timeLow = nowMs % 0x1_0000;
  // 12 bits of counter stand in rand_a, the next 20 at the top of rand_b behind the two variant bits.
  const randA = 0x7000 | (counter >>> 20);
  const low20 = counter & 0xf_ffff;
  const randB0 = 0x8000 | (low20 >>> 6);
  const randB1 = ((low20 & 0x3f) << 10) | source.nodeHigh;
  writeHex(target, offset, timeHigh, 8);
  target[offset + 8] = 0x2d;
  writeHex(target, offset + 9, timeLow, 4);
  target[offset + 13] = 0x2d;
  writeHex(target, offset + 14, randA, 4);
  target[offset + 18] = 0x2d;
  writeHex(target, offset + 19, randB0, 4);
  target[offset + 23] = 0x2d;
  writeHex(target, offset + 24, randB1, 4);
  writeHex(target, offset + 28, source.nodeLow, 8);
}

function writeHex(target: Uint8Array, offset: number, value: number, digits: number): void {
  for (let at = offset + digits - 1; at >= offset; at--) {
    target[at] = HEX[value & 15]!;
    value >>>= 4;
  }
}

// Hot path.
/**
 * Numbers and texts of Kafka's record format (Kafka protocol guide, "Record"): varint and varlong are zigzag, seven
 * bits a byte, the lowest first. Whole numbers within ±2^52 only: lengths, counts, and times in ms.
 */

/** 0, -1, 1, -2 … become 0, 1, 2, 3 … */
function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

/** Bytes that writeVarint takes for `value`. */
export function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = zigzag(value); left >= 0x80; left = Math.floor(left / 0x80)) bytes++;
  return bytes;
}

/** Writes `value` at `at`, which must have room, and returns the place behind. */
export function writeVarint(value: number, to: Uint8Array, at: number): number {
  let left = zigzag(value);
  for (; left >= 0x80; left = Math.floor(left / 0x80)) to[at++] = (left % 0x80) | 0x80;
  to[at++] = left;
  return at;
}

/** Bytes of a text with its length before it; undefined is Kafka's null. */
export function textBytes(text: Uint8Array | undefined): number {
  return text === undefined ? 1 : varintBytes(text.length) + text.length;
}

/** Writes a text with its length before it and returns the place behind. COPY. */
export function writeText(text: Uint8Array | undefined, to: Uint8Array, at: number): number {
  if (text === undefined) return writeVarint(-1, to, at);
  const start = writeVarint(text.length, to, at);
  to.set(text, start);
  return start + text.length;
}

/**
 * What the meta of a chunk says of sessions (journal/format.ts): entries, one behind the other, little endian.
 *
 *   0 bytes of the key u16 · 2 ranges u16 · 4 instance f64 · 12 low f64 · 20 time of use, ms since 1970, f64
 *   28 the key, UTF-8, then for each range its first and its last number, f64 each
 *
 * An entry means: of this session, all messages up to `low` and those in the ranges are journaled, by this chunk or
 * before it. Entries of one session add up in any order; those of its newest instance count alone. An instance ends
 * when the session is forgotten: numbers of one that begins anew under the same key say nothing of the one before.
 */
export interface SessionEntry {
  readonly key: string;
  readonly instance: number;
  readonly low: number;
  readonly usedAtMs: number;
  /** First and last number of each range. */
  readonly ranges: readonly number[];
}

const HEAD_BYTES = 28;

/** Key of the session `id` of an app; ids have no space in them. */
export function sessionKey(app: string, id: string): string {
  return `${id} ${app}`;
}

/** Bytes that an entry takes. */
export function entryBytes({ key, ranges }: SessionEntry): number {
  return HEAD_BYTES + Buffer.byteLength(key) + ranges.length * 8;
}

/** The bytes of `entries`. */
export function encodeEntries(entries: readonly SessionEntry[]): Buffer {
  const bytes = Buffer.alloc(entries.reduce((sum, entry) => sum + entryBytes(entry), 0));
  let at = 0;
  for (const { key, instance, low, usedAtMs, ranges } of entries) {
    bytes.writeUInt16LE(ranges.length / 2, at + 2);
    bytes.writeDoubleLE(instance, at + 4);
    bytes.writeDoubleLE(low, at + 12);
    bytes.writeDoubleLE(usedAtMs, at + 20);
    const keyBytes = bytes.write(key, at + HEAD_BYTES, 'utf8');
    bytes.writeUInt16LE(keyBytes, at);
    at += HEAD_BYTES + keyBytes;
    for (const seq of ranges) at = bytes.writeDoubleLE(seq, at);
  }
  return bytes;
}

/** The entries in `bytes`; what does not end whole is left out. */
export function decodeEntries(bytes: Uint8Array): SessionEntry[] {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries: SessionEntry[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= source.length) {
    const keyEnd = at + HEAD_BYTES + source.readUInt16LE(at);
    const end = keyEnd + source.readUInt16LE(at + 2) * 16;
    if (end > source.length) break;
    const ranges: number[] = [];
    for (let place = keyEnd; place < end; place += 8) ranges.push(source.readDoubleLE(place));
    entries.push({
      key: source.toString('utf8', at + HEAD_BYTES, keyEnd),
      instance: source.readDoubleLE(at + 4),
      low: source.readDoubleLE(at + 12),
      usedAtMs: source.readDoubleLE(at + 20),
      ranges,
    });
    at = end;
  }
  return entries;
}

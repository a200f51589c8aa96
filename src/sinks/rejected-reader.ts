/** Reads what `encodeRejected` writes (rejected.ts has the format), for sinks that take rows and not RowBinary. */
import type { RejectedRow } from './rejected.ts';

/** A row as it was kept: `raw` may be cut, `rawBytes` is its length before. */
export interface KeptRejectedRow extends RejectedRow {
  readonly rawBytes: number;
}

/** The row at `at` and the place behind it. VIEWS of `bytes`, which the journal's checksum vouches for. */
export function readRejected(
  bytes: Buffer,
  at: number,
): { readonly row: KeptRejectedRow; readonly end: number } {
  let position = at;
  const fixed = (length: number): number => {
    position += length;
    return position - length;
  };
  const text = (): Buffer => {
    let length = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes.readUInt8(fixed(1));
      length += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const start = fixed(length);
    return bytes.subarray(start, position);
  };
  const word = () => text().toString();
  const row = {
    receivedAtMs: Number(bytes.readBigInt64LE(fixed(8))),
    appId: word(),
    dialect: word(),
    transport: word(),
    reason: word(),
    field: word(),
    index: bytes.readUInt32LE(fixed(4)),
    raw: text(),
    rawBytes: bytes.readUInt32LE(fixed(4)),
    ip: word(),
    userAgent: text(),
  };
  return { row, end: position };
}

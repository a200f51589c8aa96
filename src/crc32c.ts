// Hot path: once a batch or a chunk.
/**
 * CRC-32C (Castagnoli) as RFC 3720 uses it: polynomial 0x1edc6f41 with its bits reversed, all ones before and after.
 * The check value of "123456789" is 0xe3069283. Kafka's record batches carry it. The addon computes it by the
 * processor's instruction; where it is missing, a table does, some ten times slower.
 */
import { loadNativeAddon } from './native-addon.ts';

type Crc32c = (bytes: Uint8Array, seed: number) => number;

const POLYNOMIAL = 0x82f63b78;

/** By byte: its register. */
const TABLE = new Uint32Array(256).map((_zero, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The CRC by the table, for machines without the addon and for tests of it. Same contract as `crc32c`. */
export function crc32cByTable(bytes: Uint8Array, seed: number): number {
  let crc = ~seed;
  for (let index = 0; index < bytes.length; index++) {
    crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[index]!) & 0xff]!;
  }
  return ~crc >>> 0;
}

const native = loadNativeAddon<{ readonly crc32c: Crc32c }>()?.crc32c;

/**
 * CRC-32C of `bytes`, from 0 to 2^32 - 1. `seed` is the CRC of the bytes before them, 0 where there are none: so the
 * CRC of pieces is that of the whole. VIEW of `bytes` for the time of the call.
 */
export const crc32c: Crc32c = native ?? crc32cByTable;

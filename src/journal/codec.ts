/**
 * How a chunk's payload is stored. LZ4 leaves a quarter of event lines, at some 400 MB/s a core (`npm run bench:scan`,
 * record batches with lz4).
 */
import { createRequire } from 'node:module';
import { Codec } from './format.ts';

interface Lz4 {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer): Buffer;
}

/** Names as the configuration has them. */
export type Compression = keyof typeof Codec;

let lz4: Lz4 | undefined;

/** Loaded when it is first needed: a journal may hold chunks of another configuration. Throws where there is no build for this machine. */
function loadLz4(): Lz4 {
  lz4 ??= createRequire(import.meta.url)('lz4-napi') as Lz4;
  return lz4;
}

/** The payload as it is stored. COPY, but for `none`, which gives back a single view. */
export function compress(payload: readonly Uint8Array[], compression: Compression): readonly Uint8Array[] {
  if (compression === 'none') return payload;
  const [first] = payload;
  const whole = payload.length === 1 && first !== undefined ? bufferOf(first) : Buffer.concat(payload);
  return [loadLz4().compressSync(whole)];
}

/** The payload as it was. COPY, but for `none`. Throws for bytes that are not of `codec`, or not `rawBytes` long. */
export function decompress(stored: Buffer, codec: number, rawBytes: number): Buffer {
  if (codec === Codec.none) return stored;
  if (codec !== Codec.lz4) throw new Error(`codec ${codec} is not known`);
  const payload = loadLz4().uncompressSync(stored);
  if (payload.length !== rawBytes) throw new Error(`${payload.length} bytes, not ${rawBytes}`);
  return payload;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

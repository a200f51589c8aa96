/**
 * The compressions of record batches (Kafka protocol guide, "Record Batch": attributes, bits 0–2). A codec is opened
 * once, at start, so that one that this machine cannot load is a fault of the configuration and not of a send.
 *
 * | name   | number | bytes                                              | by                              |
 * | none   | 0      |                                                    |                                 |
 * | gzip   | 1      | RFC 1952                                           | node:zlib                       |
 * | snappy | 2      | blocks in the framing of xerial's snappy-java      | snappy (snappy-framing.ts)      |
 * | lz4    | 3      | LZ4 frame, independent blocks, which Java insists on | lz4-napi                      |
 * | zstd   | 4      | RFC 8878                                           | node:zlib, or @bokuweb/zstd-wasm where that has none |
 *
 * All work in the thread that calls: a worker has its core, and libuv's pool would take another's.
 */
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { KAFKA_DECOMPRESSED_BYTES_MAX } from '../../limits.ts';
import { frameSnappy, type SnappyBlocks, unframeSnappy } from './snappy-framing.ts';

/** Names as Kafka's `compression.type` has them; their places are their numbers in `attributes`. */
export const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

export interface Codec {
  readonly name: CodecName;
  /** Its number in `attributes`. */
  readonly id: number;
  /** Compresses records. COPY, but for `none`, which gives back what it was given. */
  compress(records: Buffer): Buffer;
  /** Undoes compress, and what other producers write under this number. Throws for bytes that are none of it or give more than KAFKA_DECOMPRESSED_BYTES_MAX. */
  decompress(records: Buffer): Buffer;
}

/** The codec cannot be had on this machine. `code` is stable. */
export class CodecUnavailableError extends Error {
  override readonly name = 'CodecUnavailableError';
  readonly code = 'codec_unavailable';
  constructor(codec: CodecName, cause: unknown) {
    super(
      `kafka compression ${codec} cannot be loaded on ${process.platform}-${process.arch}, Node ${process.version}: ` +
        `${cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause)}; choose another of ${CODEC_NAMES.join(', ')}`,
      { cause },
    );
  }
}

/** What a codec is loaded with; tests pass another, for a machine without a library. */
export type LoadLibrary = (name: string) => unknown;

type Work = Pick<Codec, 'compress' | 'decompress'>;

const loadFromPackages: LoadLibrary = createRequire(import.meta.url);
const bound = { maxOutputLength: KAFKA_DECOMPRESSED_BYTES_MAX };
/** Level 1 compresses JSON to 25 % at 125 MB/s, the usual 6 to 21 % at 72. */
const GZIP_LEVEL = 1;
/** Level 1 is ×1.6 as fast as the usual 3, and on event lines no worse. */
const ZSTD_LEVEL = 1;

const OPENERS: Record<CodecName, (load: LoadLibrary) => Work | Promise<Work>> = {
  none: () => ({ compress: (records) => records, decompress: (records) => records }),
  gzip: () => ({
    compress: (records) => zlib.gzipSync(records, { level: GZIP_LEVEL }),
    decompress: (records) => zlib.gunzipSync(records, bound),
  }),
  snappy: (load) => {
    const snappy = load('snappy') as SnappyBlocks;
    return {
      compress: (records) => frameSnappy(snappy, records),
      decompress: (records) => unframeSnappy(snappy, records, KAFKA_DECOMPRESSED_BYTES_MAX),
    };
  },
  lz4: (load) => {
    const lz4 = load('lz4-napi') as {
      compressFrameSync(bytes: Buffer): Buffer;
      decompressFrameSync(bytes: Buffer): Buffer;
    };
    return {
      compress: (records) => lz4.compressFrameSync(records),
      decompress: (records) => checkBound(lz4.decompressFrameSync(records)),
    };
  },
  zstd: openZstd,
};

/** Opens a codec. Rejects with CodecUnavailableError when its library cannot be loaded here. */
export async function openCodec(name: CodecName, load: LoadLibrary = loadFromPackages): Promise<Codec> {
  try {
    return { name, id: CODEC_NAMES.indexOf(name), ...(await OPENERS[name](load)) };
  } catch (cause) {
    throw new CodecUnavailableError(name, cause);
  }
}

/** zstd of node:zlib, since Node 22.15. */
interface ZlibZstd {
  zstdCompressSync(bytes: Buffer, options: { params: Record<number, number> }): Buffer;
  zstdDecompressSync(bytes: Buffer, options: { maxOutputLength: number }): Buffer;
}

async function openZstd(load: LoadLibrary): Promise<Work> {
  const built = load('node:zlib') as Partial<ZlibZstd>;
  if (built.zstdCompressSync !== undefined && built.zstdDecompressSync !== undefined) {
    const { zstdCompressSync, zstdDecompressSync } = built as ZlibZstd;
    const level = (zlib.constants as unknown as Record<string, number>)['ZSTD_c_compressionLevel'] ?? 100;
    const options = { params: { [level]: ZSTD_LEVEL } };
    return {
      compress: (records) => zstdCompressSync(records, options),
      decompress: (records) => zstdDecompressSync(records, bound),
    };
  }
  const zstd = load('@bokuweb/zstd-wasm') as {
    init(): Promise<void>;
    compress(bytes: Uint8Array, level: number): Uint8Array;
    decompress(bytes: Uint8Array): Uint8Array;
  };
  await zstd.init();
  return {
    compress: (records) => viewOf(zstd.compress(records, ZSTD_LEVEL)),
    decompress: (records) => checkBound(viewOf(zstd.decompress(records))),
  };
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** For libraries that take no bound: what came of it is not kept. */
function checkBound(bytes: Buffer): Buffer {
  if (bytes.length > KAFKA_DECOMPRESSED_BYTES_MAX) throw new RangeError('more bytes than a batch may have');
  return bytes;
}

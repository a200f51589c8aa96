/**
 * The compressions of record batches (Kafka protocol guide, "Record Batch": attributes, bits 0–2). A codec is opened
 * once, at start, so that one that this machine cannot load is a fault of the configuration and not of a send.
 *
 * | name   | number | bytes                                                | by                                        |
 * | none   | 0      | as they are                                          |                                           |
 * | gzip   | 1      | RFC 1952                                             | node:zlib                                 |
 * | snappy | 2      | blocks in the framing of xerial's snappy-java        | snappy (snappy-framing.ts)                |
 * | lz4    | 3      | LZ4 frame, independent blocks, which Java insists on | lz4-napi (lz4-framing.ts)                 |
 * | zstd   | 4      | RFC 8878                                             | node:zlib or @bokuweb/zstd-wasm (zstd.ts) |
 *
 * All work in the thread that calls: a worker has its core, and libuv's pool would take another's.
 */
import { createRequire } from 'node:module';
import zlib from 'node:zlib';
import { KAFKA_DECOMPRESSED_BYTES_MAX } from '../../limits.ts';
import { frameLz4, type Lz4, unframeLz4 } from './lz4-framing.ts';
import { frameSnappy, type SnappyBlocks, unframeSnappy } from './snappy-framing.ts';
import { openWasmZstd, openZlibZstd, type WasmZstd, type ZlibZstd } from './zstd.ts';

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
/** Level 1 is ×1.7 as fast as the usual 6 and gives a fifth more bytes of event lines (docs/decisions.md). */
const GZIP_LEVEL = 1;

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
    const lz4 = load('lz4-napi') as Lz4;
    return {
      compress: (records) => frameLz4(lz4, records),
      decompress: (records) => unframeLz4(lz4, records, KAFKA_DECOMPRESSED_BYTES_MAX),
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

async function openZstd(load: LoadLibrary): Promise<Work> {
  const built = openZlibZstd(load('node:zlib') as ZlibZstd, KAFKA_DECOMPRESSED_BYTES_MAX);
  return built ?? openWasmZstd(load('@bokuweb/zstd-wasm') as WasmZstd, KAFKA_DECOMPRESSED_BYTES_MAX);
}

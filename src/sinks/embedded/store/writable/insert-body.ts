/**
 * Bodies of requests on their way in: rows go into a file as they come, compressed as they are, since the engine reads
 * every encoding itself; statements into memory, as text.
 */
import { type FileHandle, open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import {
  STORE_BODY_CHUNK_BYTES,
  STORE_INSERT_BYTES_MAX,
  STORE_STATEMENT_BYTES_MAX,
} from '../../../../limits.ts';
import { viewsBehind } from '../../../../views.ts';
import { EngineError } from '../engine.ts';
import { header } from '../http-words.ts';

/** Content-Encoding to the word of the engine's COMPRESSION clause. */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['', 'none'],
  ['identity', 'none'],
  ['gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
  ['zstd', 'zstd'],
  ['lz4', 'lz4'],
  ['xz', 'xz'],
  ['bz2', 'bz2'],
]);

/** Throws EngineError for an encoding that the engine has no word for. */
export function compressionOf(request: IncomingMessage): string {
  const encoding = header(request, 'content-encoding') ?? '';
  const compression = ENCODINGS.get(encoding.toLowerCase());
  if (compression !== undefined) return compression;
  throw new EngineError(
    `Code: 89. DB::Exception: Unknown compression method ${encoding}: one of ${[...ENCODINGS.keys()].filter(Boolean).join(', ')}. (UNKNOWN_COMPRESSION_METHOD)`,
  );
}

/** Writes the body into a new file. Rejects when it is cut short, too long, or the disk does not take it. */
export async function writeBody(request: IncomingMessage, path: string): Promise<void> {
  const handle = await open(path, 'wx', 0o600);
  try {
    await writeChunks(request, handle);
  } finally {
    await handle.close();
  }
}

/** Chunks of 64 KiB come; a write of its own for each would cost a turn of the thread pool each. */
async function writeChunks(request: IncomingMessage, handle: FileHandle): Promise<void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  for await (const chunk of boundedChunks(request, STORE_INSERT_BYTES_MAX)) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    if (waitingBytes < STORE_BODY_CHUNK_BYTES) continue;
    await writeAll(handle, waiting);
    waiting = [];
    waitingBytes = 0;
  }
  await writeAll(handle, waiting);
}

async function writeAll(handle: FileHandle, views: readonly Uint8Array[]): Promise<void> {
  let left = views;
  while (left.length > 0) {
    const { bytesWritten } = await handle.writev(left);
    left = viewsBehind(left, bytesWritten);
  }
}

/** The body in memory, decompressed; empty for a method that has none. */
export async function readStatement(request: IncomingMessage): Promise<Buffer> {
  if (request.method !== 'POST') return Buffer.alloc(0);
  const decode = decoderOf(compressionOf(request));
  const chunks: Buffer[] = [];
  for await (const chunk of boundedChunks(request, STORE_STATEMENT_BYTES_MAX)) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  if (decode === undefined || body.length === 0) return body;
  return decode(body, { maxOutputLength: STORE_STATEMENT_BYTES_MAX }).catch((error: unknown) => {
    throw new EngineError(
      `Code: 354. DB::Exception: The body cannot be decompressed: ${String(error)} (CANNOT_DECOMPRESS)`,
    );
  });
}

type Decoder = (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

function decoderOf(compression: string): Decoder | undefined {
  if (compression === 'none') return undefined;
  const decoders: Partial<Record<string, Decoder>> = {
    gzip: promisify(gunzip),
    deflate: promisify(inflate),
    br: promisify(brotliDecompress),
  };
  const decoder = decoders[compression];
  if (decoder !== undefined) return decoder;
  throw new EngineError(
    `Code: 48. DB::Exception: A statement is not read in ${compression} here: put it into the URL as query=, and the rows alone into the body. (NOT_IMPLEMENTED)`,
  );
}

async function* boundedChunks(request: IncomingMessage, bytesMax: number): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    yield chunk;
  }
}

/** ClickHouse's word for a query that is too long; the connection ends behind it. */
export const CODE_TOO_LARGE = 229;

function tooLarge(bytesMax: number): EngineError {
  return new EngineError(
    `Code: ${CODE_TOO_LARGE}. DB::Exception: The body is over ${bytesMax} bytes. (QUERY_IS_TOO_LARGE)`,
  );
}

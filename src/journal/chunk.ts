/** A chunk as it is written: header, meta, payload as stored (format.ts). */
import { crc32c } from '../crc32c.ts';
import { type Compression, compress } from './codec.ts';
import { CHUNK_HEADER_BYTES, Codec, encodeChunkHeader } from './format.ts';

export interface ChunkContent {
  readonly payload: readonly Uint8Array[];
  readonly metas: readonly Uint8Array[];
  readonly firstRow: number;
  readonly rows: number;
  readonly timeMs: number;
}

/** The chunk for a segment of that header seed; its header is written to `header`. VIEWS, but of what is compressed. */
export function encodeChunk(
  { payload, metas, firstRow, rows, timeMs }: ChunkContent,
  compression: Compression,
  seed: number,
  header: Buffer,
): { views: readonly Uint8Array[]; bytes: number } {
  const stored = compress(payload, compression);
  const body = [...metas, ...stored];
  // Each by its name: what `...` copies gets a new hidden class each time.
  const chunk = {
    firstRow,
    rows,
    timeMs,
    metaBytes: bytesOf(metas),
    storedBytes: bytesOf(stored),
    rawBytes: bytesOf(payload),
    codec: Codec[compression],
    bodyCrc: body.reduce((before, view) => crc32c(view, before), 0),
  };
  encodeChunkHeader(chunk, seed, header);
  return { views: [header, ...body], bytes: CHUNK_HEADER_BYTES + bytesOf(body) };
}

function bytesOf(views: readonly Uint8Array[]): number {
  return views.reduce((bytes, view) => bytes + view.length, 0);
}

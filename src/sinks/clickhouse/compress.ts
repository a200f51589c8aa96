/**
 * Bodies as LZ4 frames (Content-Encoding: lz4), made piece by piece of a block as it stands in memory; the frame's form is
 * that of the Kafka sink's.
 */
import { createRequire } from 'node:module';
import { frameLz4, type Lz4 } from '../kafka/lz4-framing.ts';

export type BodyCompression = 'none' | 'lz4';

export interface BodyEncoder {
  /** Content-Encoding of what it gives; undefined for none. */
  readonly encoding: string | undefined;
  /** COPY, but for `none`, which gives back what it was given. */
  encode(views: readonly Buffer[]): readonly Buffer[];
}

/** Throws when this machine has no library for it. */
export function createBodyEncoder(compression: BodyCompression): BodyEncoder {
  if (compression === 'none') return { encoding: undefined, encode: (views) => views };
  const lz4 = createRequire(import.meta.url)('lz4-napi') as Lz4;
  return { encoding: 'lz4', encode: (views) => [frameLz4(lz4, Buffer.concat(views))] };
}

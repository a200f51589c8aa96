import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import {
  BODY_BYTES_MAX,
  INFLATE_RATIO_FREE_BYTES,
  INFLATED_BYTES_MAX,
  SCAN_BUFFER_KEEP_BYTES,
} from '../../src/limits.ts';
import { REASONS } from '../../src/outcome.ts';
import { createUnwrapArena, unwrapFrames, ZSTD_AVAILABLE } from '../../src/scan/unwrap.ts';
import { Encoding, FrameWord, frameRow } from '../../src/slab/layout.ts';

const arena = createUnwrapArena();
const text = JSON.stringify(
  Array.from({ length: 50 }, (_none, index) => ({ event_id: index, note: 'é'.repeat(9) })),
);

function unwrap(frames: FixtureFrame[], bodyBytesMax = BODY_BYTES_MAX, into = arena) {
  const slab = createSlab(frames, 0);
  // As a slab that the front uses again may look.
  for (const index of frames.keys()) {
    const row = frameRow(index);
    slab.words[row + FrameWord.source] = 1;
    slab.words.fill(7, row + FrameWord.reason, row + FrameWord.recordStart + 1);
  }
  unwrapFrames(slab.words, slab.bytes, into, { bodyBytesMax });
  return frames.map((frame, index) => {
    const row = frameRow(index);
    const word = (of: number) => slab.words[row + of]!;
    expect([word(FrameWord.accepted), word(FrameWord.rejected), word(FrameWord.recordStart)]).toEqual([
      0, 0, 0,
    ]);
    const source = word(FrameWord.source) === 1 ? into.bytes : slab.bytes;
    const start = word(FrameWord.bodyOffset);
    const body = source.subarray(start, start + word(FrameWord.bodyLength));
    const reason = word(FrameWord.reason);
    if (reason !== 0) {
      expect(word(FrameWord.source)).toBe(0);
      expect(body.equals(Buffer.from(frame.body))).toBe(true);
    }
    return reason === 0 ? body.toString() : REASONS[reason];
  });
}

describe('unwrapFrames', () => {
  it('decompresses every encoding, and gzip that nobody declared', () => {
    const frames: FixtureFrame[] = [
      { body: text, encoding: Encoding.identity },
      { body: zlib.gzipSync(text), encoding: Encoding.gzip },
      { body: zlib.deflateSync(text), encoding: Encoding.deflate },
      { body: zlib.deflateRawSync(text), encoding: Encoding.deflate },
      { body: zlib.brotliCompressSync(text), encoding: Encoding.br },
      { body: zlib.gzipSync(text), encoding: Encoding.identity },
      { body: text, encoding: Encoding.identity },
    ];
    expect(unwrap(frames)).toEqual(frames.map(() => text));
  });
  it('takes zstd where the runtime has it', () => {
    const frame = Buffer.from('28b52ffd0001190000616263', 'hex');
    expect(unwrap([{ body: frame, encoding: Encoding.zstd }])).toEqual([
      ZSTD_AVAILABLE ? 'abc' : 'invalid_compression',
    ]);
  });
  it('keeps all bodies of a slab while its arena grows under them', () => {
    const many = Array.from({ length: 40 }, (_none, index) => `${index}`.repeat(3000 * index));
    const frames = many.map((body) => ({ body: zlib.gzipSync(body), encoding: Encoding.gzip }));
    expect(unwrap(frames, BODY_BYTES_MAX, createUnwrapArena())).toEqual(many);
  });
  it('says invalid_compression of damaged and truncated bodies, at every length, beside sound ones', () => {
    for (const [encoding, packed] of [
      [Encoding.gzip, zlib.gzipSync('hello'.repeat(9))],
      [Encoding.deflate, zlib.deflateSync('hello'.repeat(9))],
      [Encoding.br, zlib.brotliCompressSync('hello'.repeat(9))],
    ] as const) {
      for (let length = 0; length < packed.length; length++) {
        const cut = { body: packed.subarray(0, length), encoding };
        expect(unwrap([cut, { body: packed, encoding }]), `${encoding} ${length}`).toEqual([
          'invalid_compression',
          'hello'.repeat(9),
        ]);
      }
    }
    const damaged = zlib.gzipSync(text);
    damaged[20]! ^= 0xff;
    expect(unwrap([{ body: damaged, encoding: Encoding.gzip }])).toEqual(['invalid_compression']);
    expect(unwrap([{ body: 'hello', encoding: Encoding.gzip }])).toEqual(['invalid_compression']);
  });
  it('takes plain JSON that is declared as compressed, within the limit of a plain body', () => {
    for (const encoding of [Encoding.gzip, Encoding.deflate, Encoding.br]) {
      for (const body of [text, '{"a":1}', ' \r\n\t[]', '\ufeff{}']) {
        expect(unwrap([{ body, encoding }]), `${encoding} ${body.slice(0, 9)}`).toEqual([body]);
      }
      for (const body of ['"a"', '17', 'true', ' ', '\ufeff', ' <html>']) {
        expect(unwrap([{ body, encoding }]), `${encoding} ${body}`).toEqual(['invalid_compression']);
      }
      expect(unwrap([{ body: `{${' '.repeat(999)}}`, encoding }], 1000)).toEqual(['body_too_large']);
    }
  });
  it('a damaged body that begins as JSON does is not taken for compressed', () => {
    const packed = zlib.gzipSync(text);
    packed[0] = 0x7b;
    expect(unwrap([{ body: packed, encoding: Encoding.gzip }])).toEqual([packed.toString()]);
  });
  it('cuts bombs at the ratio once they pass its free bytes, and every body at the limit', () => {
    const bomb = (bytes: number) => ({
      body: zlib.gzipSync(Buffer.alloc(bytes, ' ')),
      encoding: Encoding.gzip,
    });
    expect(unwrap([bomb(INFLATE_RATIO_FREE_BYTES)])[0]!.length).toBe(INFLATE_RATIO_FREE_BYTES);
    expect(unwrap([bomb(INFLATE_RATIO_FREE_BYTES * 2)])).toEqual(['body_too_large']);
    expect(unwrap([bomb(1001), bomb(1000)], 1000)).toEqual(['body_too_large', ' '.repeat(1000)]);
    expect(unwrap([{ body: 'x'.repeat(1001) }, { body: 'x'.repeat(1000) }], 1000)).toEqual([
      'body_too_large',
      'x'.repeat(1000),
    ]);
  });
  it('bounds the arena: what does not fit beside others is to be sent again', () => {
    const bomb = { body: zlib.gzipSync(Buffer.alloc(1_000_000, ' ')), encoding: Encoding.gzip };
    const results = unwrap(Array.from({ length: 60 }, () => bomb));
    expect(results.filter((result) => result === 'overloaded').length).toBe(
      60 - INFLATED_BYTES_MAX / 1_000_000,
    );
    expect(arena.bytes.length).toBeLessThanOrEqual(INFLATED_BYTES_MAX);
  });
  it('gives a large arena back, and keeps one that is in use', () => {
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_none, index) => (index * 7919) & 255));
    const large = {
      body: zlib.gzipSync(Buffer.concat(Array(20).fill(noise)), { level: 1 }),
      encoding: Encoding.gzip,
    };
    const own = createUnwrapArena();
    unwrap([large], BODY_BYTES_MAX, own);
    const kept = own.bytes;
    unwrap([large], BODY_BYTES_MAX, own);
    // Compared as a truth: a runner that prints two such buffers needs gigabytes.
    expect(own.bytes === kept).toBe(true);
    expect(kept.length).toBeGreaterThan(SCAN_BUFFER_KEEP_BYTES);
    unwrap([{ body: '{}' }], BODY_BYTES_MAX, own);
    unwrap([{ body: '{}' }], BODY_BYTES_MAX, own);
    expect(own.bytes.length).toBeLessThanOrEqual(SCAN_BUFFER_KEEP_BYTES);
  });
});

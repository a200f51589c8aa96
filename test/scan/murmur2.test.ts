import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/scan/reference/bytes.ts';
import { MURMUR2_SEED_KAFKA, murmur2 } from '../../src/scan/reference/murmur2.ts';

describe('murmur2', () => {
  it("gives the values of Kafka's own test (UtilsTest.testMurmur2)", () => {
    const published: [string, number][] = [
      ['21', -973932308],
      ['foobar', -790332482],
      ['a-little-bit-long-string', -985981536],
      ['a-little-bit-longer-string', -1486304829],
      ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
      ['abc', 479470107],
    ];
    for (const [text, hash] of published) {
      for (const shift of [0, 1, 2, 3]) {
        const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text), Buffer.from('x')]);
        expect(murmur2(bytes, viewOf(bytes), shift, text.length, MURMUR2_SEED_KAFKA), text).toBe(hash);
      }
    }
  });
});

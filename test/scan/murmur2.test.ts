import { describe, expect, it } from 'vitest';
import { viewOf } from '../../src/scan/reference/bytes.ts';
import { MURMUR2_SEED_KAFKA, murmur2 } from '../../src/scan/reference/murmur2.ts';
import { PUBLISHED_MURMUR2 } from '../support/murmur2-published.ts';

describe('murmur2', () => {
  it("gives the values of Kafka's own test (UtilsTest.testMurmur2)", () => {
    for (const [text, hash] of PUBLISHED_MURMUR2) {
      for (const shift of [0, 1, 2, 3]) {
        const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(text), Buffer.from('x')]);
        expect(murmur2(bytes, viewOf(bytes), shift, text.length, MURMUR2_SEED_KAFKA), text).toBe(hash);
      }
    }
  });
});

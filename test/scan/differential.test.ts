/**
 * The native scanner gives the bytes of the reference for every input: known hard cases first, then what the fuzzer
 * makes of a seed. More of it: `npm run fuzz:scan -- --cases N --seed N`, or PENSTOCK_FUZZ_CASES here.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createCorpus } from '../../bench/corpus.ts';
import { nativeKernel } from '../../src/scan/native.ts';
import { createReferenceScanner } from '../../src/scan/reference/scanner.ts';
import {
  CLAIM_PRIVACIES,
  createPair,
  differenceOf,
  fromRegression,
  type Pair,
  type RegressionFrame,
} from '../fuzz/scan-compare.ts';
import { fuzz, keepFailure, requireNative, unreached } from '../fuzz/scan-differential.ts';

const SEED = Number(process.env['PENSTOCK_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
/** About a second; the million of CI is a step of its own. */
const CASES = Number(process.env['PENSTOCK_FUZZ_CASES'] ?? 20_000);
const REGRESSIONS = new URL('../regression/scan/', import.meta.url);
/** A tree without a compiler still has a green test; it says that this file proved nothing. */
const isOff = process.env['PENSTOCK_NATIVE'] === 'off';

/** Pairs for batches of any size, and for the short ones of the fuzzer, whose failures are replayed here. */
function createPairs(): Pair[] {
  return [1000, 4].flatMap((batchEventsMax) =>
    CLAIM_PRIVACIES.map((privacy) =>
      createPair(createReferenceScanner, requireNative, batchEventsMax, privacy),
    ),
  );
}

/** Many slabs share `pairs`: 1,560 of them, waiting to be collected, made this process one of two gigabytes. */
function expectEqual(
  frames: readonly { body: Buffer | string; route?: number }[],
  pairs = createPairs(),
): void {
  for (const pair of pairs) expect(differenceOf(pair, frames)).toBeUndefined();
}

describe.skipIf(isOff)('the native scanner against the reference', () => {
  for (const file of readdirSync(REGRESSIONS).filter((name) => name.endsWith('.json'))) {
    it(`replays ${file}`, () => {
      const frames = JSON.parse(readFileSync(new URL(file, REGRESSIONS), 'utf8')) as RegressionFrame[];
      expectEqual(fromRegression(frames));
    });
  }

  it('agrees on bodies of every shape and of more than one piece of the index', () => {
    for (const size of ['small', 'medium', 'large'] as const) {
      const corpus = createCorpus(SEED, size);
      expectEqual([
        { body: corpus.array(500) },
        { body: corpus.envelope(300) },
        { body: corpus.ndjson(500) },
        { body: JSON.stringify(corpus.events(200), null, 2) },
        { body: corpus.array(500).subarray(0, 100_000) },
      ]);
    }
  });

  it('agrees on events longer than a piece of the index, and than all of it', () => {
    const pairs = createPairs();
    for (const length of [31_000, 32_700, 33_000, 65_000, 250_000, 262_100, 300_000]) {
      for (const filler of [
        `"${'x'.repeat(length)}"`,
        `[${'1,'.repeat(length >> 1)}0]`,
        `"${'\\n'.repeat(length >> 1)}"`,
      ]) {
        const event = `{"event_type":"t","app_id":"a","user_id":"u","event_data":{"f":${filler}}}`;
        const frames = [{ body: `[${event},${event},{"a":tru},${event}]` }, { body: event.slice(0, -1) }];
        expectEqual(frames, pairs);
      }
    }
  });

  it('agrees wherever an event meets the end of a piece', () => {
    const event =
      '{"event_type":"t\\"\\\\","app_id":"a","user_id":"\u00fc","context":{"k":[1,2.5,true,null]}}';
    const pairs = createPairs();
    for (let shift = 0; shift < 130; shift++) {
      const before = `{"event_type":"t","app_id":"a","user_id":"u","session_id":"${'s'.repeat(shift)}"}`;
      expectEqual([{ body: `[${before},${Array(420).fill(event)}]` }], pairs);
    }
  });

  it(`agrees on ${CASES} cases of the fuzzer`, () => {
    console.log(`differential: ${nativeKernel()} · seed ${SEED} · ${CASES} cases`);
    const { failure, coverage } = fuzz({ cases: CASES, seed: SEED });
    if (failure !== undefined)
      throw new Error(`${failure.difference}; kept in ${keepFailure(failure, SEED)}`);
    expect(unreached({ cases: CASES, seed: SEED }, coverage)).toEqual([]);
  }, 600_000);
});

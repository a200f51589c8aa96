/**
 * One output is used for slab after slab. The model: scanning frames together gives what scanning each of them
 * alone, with a fresh scanner and a fresh output, gives.
 */
import { describe, expect, it } from 'vitest';
import { createCorpus, createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { LINES_BYTES_MAX, SCAN_BUFFER_KEEP_BYTES } from '../../src/limits.ts';
import { ReasonNumber } from '../../src/outcome.ts';
import { ErrorWord, RECORD_WORDS } from '../../src/scan/contract.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { BASE_TIME_MS, createBench, eventWith, readResult } from './harness.ts';

const SEED = 0x5eed_0002;

/** A frame of any kind: sound, damaged, empty, too large, with envelope fields, surrogates, other apps. */
function randomFrame(random: () => number): FixtureFrame {
  const corpus = createCorpus(random(), (['small', 'medium', 'large'] as const)[random() % 3]!);
  const count = random() % 8;
  const odd = eventWith('"x":"\\ud800","y":{ "z" : [1, 2] },"user_id":"\\u0041"');
  const bodies = [
    () => corpus.single(),
    () => corpus.array(count),
    () => corpus.envelope(count),
    () => corpus.ndjson(count + 1),
    () => Buffer.from(`{"sent":"now","x":[ 1 ],"events":[${odd},${corpus.single()},1,{"a":tru}]}`),
    () => Buffer.from(`[${Array(25).fill(odd)}]`),
    () => Buffer.from(odd),
    () => Buffer.alloc(random() % 3, ' '),
  ];
  let body = bodies[random() % bodies.length]!();
  if (random() % 4 === 0) {
    body = Buffer.from(body);
    body[random() % Math.max(1, body.length)] = random() & 255;
  }
  if (random() % 8 === 0) body = body.subarray(0, random() % (body.length + 1));
  return {
    body,
    route: random() % 3,
    app: random() % 3,
    transport: random() % 2,
    receivedDeltaMs: random() % 100_000,
    address: random() % 2 === 0 ? [10, 0, 0, random() & 255] : [],
    userAgent: ['', 'curl/8', 'x'.repeat(600), 'é"\u0001'][random() % 4]!,
  };
}

/** Everything that a scan says about one frame, ids that the scanner made taken out. */
function describeFrame(result: ReturnType<typeof readResult>, frame: number) {
  const { reason, accepted, rejected, lines, errors } = result.frames[frame]!;
  return {
    reason,
    accepted,
    rejected,
    lines: lines.map((line) =>
      line.replace(/^\{"event_id":"01[0-9a-f]{6}-[0-9a-f]{4}-7[^"]*"/, '{"event_id":"made"'),
    ),
    errors: errors.map((error) => ({ ...error, frame: 0 })),
  };
}

describe('an output that is used again', () => {
  it('holds after every slab what each of its frames gives alone', () => {
    console.log(`slabs: seed ${SEED}`);
    const random = createRandom(SEED);
    const bench = createBench(20);
    for (let slab = 0; slab < 60; slab++) {
      const frames = Array.from({ length: 1 + (random() % 12) }, () => randomFrame(random));
      const together = bench.scan(frames);
      let records = 0;
      let surrogates = 0;
      for (const [index, frame] of frames.entries()) {
        const alone = createBench(20).scan([frame]);
        expect(describeFrame(together, index), `slab ${slab} frame ${index}`).toEqual(
          describeFrame(alone, 0),
        );
        expect(together.frames[index]!.recordStart).toBe(records);
        records += together.frames[index]!.accepted;
        surrogates += alone.surrogatesReplaced;
      }
      expect(together.lines.length).toBe(records);
      expect(together.surrogatesReplaced).toBe(surrogates);
    }
  });
  it('gives the same bytes for the same slab, wherever its sources lie', () => {
    const frames = [{ body: createCorpus(3, 'medium').array(50), userAgent: 'é' }];
    const first = createBench();
    const second = createBench();
    const slab = createSlab(frames, BASE_TIME_MS);
    first.scanner.scan(slab.job(), first.output);
    const copy = createSlab(frames, BASE_TIME_MS);
    const plain = new Uint8Array(slab.bytes.length + 3).subarray(3);
    plain.set(slab.bytes);
    second.scanner.scan(
      { words: copy.words, baseTimeMs: BASE_TIME_MS, sources: [plain, new Uint8Array(0)] },
      second.output,
    );
    expect(second.output.lineBytes).toBe(first.output.lineBytes);
    expect(
      second.output.lines.compare(first.output.lines, 0, first.output.lineBytes, 0, first.output.lineBytes),
    ).toBe(0);
    const words = first.output.recordCount * RECORD_WORDS;
    expect(second.output.records.subarray(0, words)).toEqual(first.output.records.subarray(0, words));
  });
  it('passes over frames that already have a reason, with an error row where that keeps a dead letter', () => {
    const frames = [{ body: 'zipped' }, { body: eventWith('') }, { body: 'large' }];
    const slab = createSlab(frames, BASE_TIME_MS);
    slab.words[frameRow(0) + FrameWord.reason] = ReasonNumber.invalid_compression;
    slab.words[frameRow(2) + FrameWord.reason] = ReasonNumber.body_too_large;
    const bench = createBench();
    bench.scanner.scan(slab.job(), bench.output);
    const result = readResult(slab.words, frames, slab.bytes, bench.output);
    expect(result.frames.map((frame) => frame.reason)).toEqual([
      'invalid_compression',
      undefined,
      'body_too_large',
    ]);
    expect(result.errors).toEqual([
      { frame: 0, index: 0, reason: 'invalid_compression', field: undefined, raw: 'zipped' },
    ]);
    expect(result.lines.length).toBe(1);
  });
  it('reads bodies of the arena, and says so in error rows', () => {
    const slab = createSlab([{ body: '' }], BASE_TIME_MS);
    const arena = Buffer.from(`##[${eventWith('')},1]##`);
    slab.words[frameRow(0) + FrameWord.source] = 1;
    slab.words[frameRow(0) + FrameWord.bodyOffset] = 2;
    slab.words[frameRow(0) + FrameWord.bodyLength] = arena.length - 4;
    const bench = createBench();
    bench.scanner.scan(slab.job(arena), bench.output);
    expect(bench.output.recordCount).toBe(1);
    expect(bench.output.errors[ErrorWord.source]).toBe(1);
    expect(bench.output.errors[ErrorWord.offset]).toBe(arena.length - 4);
  });
  it('bounds the lines of a slab, not of a body that comes first, and shrinks again', () => {
    const bench = createBench();
    const field = `"f":"${'x'.repeat(4000)}"`;
    const body = `{${field},"events":[${Array(1000).fill(eventWith(''))}]}`;
    const lineBytes = 4250 * 1000;
    const result = bench.scan(Array.from({ length: 20 }, () => ({ body })));
    const refused = result.frames.filter((frame) => frame.reason === 'overloaded').length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(20 - Math.floor(LINES_BYTES_MAX / lineBytes) + 2);
    expect(result.errors).toEqual([]);
    expect(result.output.lineBytes).toBeLessThanOrEqual(LINES_BYTES_MAX);
    bench.scan([{ body: eventWith('') }]);
    bench.scan([{ body: eventWith('') }]);
    expect(bench.output.lines.length).toBeLessThanOrEqual(SCAN_BUFFER_KEEP_BYTES);
  });
});

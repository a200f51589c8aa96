/** A replay of kept rows: which go, in which blocks, under which tokens. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { Breaker } from '../../src/journal/breaker.ts';
import { Cursor } from '../../src/journal/cursor.ts';
import { Ending } from '../../src/journal/ending.ts';
import { type FrozenStream, openFrozenStreams } from '../../src/journal/frozen.ts';
import { ReplayError, replayStream, undelivered } from '../../src/journal/replay.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import type { BlockBuilder, SendOutcome } from '../../src/sinks/sink.ts';
import { type Lines, LineTarget } from './line-target.ts';

let dir: string;
let rows: { line: string; timeMs: number }[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-replay-'));
  rows = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Appends a chunk for each time, with one to four rows. */
async function write(times: readonly number[], segmentBytesMax = 2_000): Promise<void> {
  const stream = await JournalStream.open({
    disk: systemDisk,
    dir: join(dir, '0/events'),
    segmentBytesMax,
    compression: 'none',
    spareBytesMax: 0,
    onDamage: () => {},
  });
  for (const [index, timeMs] of times.entries()) {
    const lines = Array.from(
      { length: 1 + (index % 4) },
      (_, place) => `row ${rows.length + place} ${'x'.repeat(20)}`,
    );
    rows.push(...lines.map((line) => ({ line, timeMs })));
    stream.append([Buffer.from(lines.map((line) => `${line}\n`).join(''))], lines.length, timeMs);
  }
  const cursor = await Cursor.open(systemDisk, join(dir, '0/events/sink.cursor'));
  cursor.write({ delivered: stream.end(), blockEndRow: stream.nextRow });
  cursor.close();
  stream.close();
}

async function frozen(): Promise<FrozenStream> {
  const streams = await openFrozenStreams(dir, 0, () => {});
  const events = streams.find(({ name }) => name === 'events');
  if (events === undefined) throw new Error('no stream');
  return events;
}

async function replay(target: LineTarget, fromMs: number, toMs: number, sendTimeoutMs = 10_000) {
  const breaker = new Breaker({ pauseMs: () => 1, onChange: () => {} });
  return replayStream({
    stream: await frozen(),
    node: 'node',
    fromMs,
    toMs,
    way: { target, breaker, ending: new Ending(), sendTimeoutMs },
    onBlock: () => {},
  });
}

const inRange = (fromMs: number, toMs: number) =>
  rows.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs).map(({ line }) => line);

test.each([1, 2, 3])(
  'gives just the rows of the range, in order, also from a clock that jumped (seed %i)',
  async (seed) => {
    const random = createRandom(seed);
    for (let start = 0; start < 3; start++) await write(Array.from({ length: 40 }, () => random() % 1_000));
    const target = new LineTarget('sink');
    const fromMs = random() % 500;
    const toMs = fromMs + 1 + (random() % 400);
    const done = await replay(target, fromMs, toMs);
    expect(target.lines).toEqual(inRange(fromMs, toMs));
    expect(done).toMatchObject({ rows: target.lines.length, blocks: target.stored.size, refused: 0 });
    for (const token of target.tokens)
      expect(token).toMatch(new RegExp(`^node-0-events-replay-${fromMs}-${toMs}-[0-9a-f]{16}-\\d+-\\d+$`));
    // Made again it is the same, token by token; what was stopped half-way is therefore completed.
    await replay(target, fromMs, toMs);
    expect(target.lines).toEqual(inRange(fromMs, toMs));
    expect(target.tokens.length).toBe(2 * target.stored.size);
  },
);

test('goes on under the same tokens when the oldest segments are gone and new ones came', async () => {
  await write(Array.from({ length: 60 }, (_, index) => index));
  const target = new LineTarget('sink');
  await replay(target, 0, 60);
  const names = (await frozen()).segments.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(2);
  rmSync(join(dir, '0/events', names[0] ?? ''));
  await write([1_000, 1_001]);
  await replay(target, 0, 60);
  expect(target.lines).toEqual(inRange(0, 60));
});

test('rows that the sink refuses are counted and the others brought', async () => {
  await write(Array.from({ length: 10 }, () => 5));
  const target = new LineTarget('sink');
  const send = target.send.bind(target);
  target.send = async (token, block: BlockBuilder, signal): Promise<SendOutcome> =>
    (block as Lines).lines.some((line) => line.startsWith('row 7 ')) ? 'refused' : send(token, block, signal);
  expect(await replay(target, 0, 10)).toMatchObject({ rows: rows.length, refused: 1 });
  expect(target.lines.toSorted()).toEqual(
    inRange(0, 10)
      .filter((line) => !line.startsWith('row 7 '))
      .toSorted(),
  );
});

test('a sink that does not answer ends it with what to do', async () => {
  await write([5]);
  const target = new LineTarget('sink');
  target.answer = async () => 'retry';
  await expect(replay(target, 0, 10)).rejects.toThrow(ReplayError);
  expect(new Set(target.tokens).size).toBe(1);
});

test('says which rows of the range the sink was not brought', async () => {
  await write([10, 20, 30]);
  const stream = await frozen();
  expect(await undelivered(stream, 'sink', { fromMs: 0, toMs: 100 })).toBeUndefined();
  const delivered = stream.cursors[0]?.state?.delivered.row ?? 0;
  expect(delivered).toBe(rows.length);
  expect(await undelivered(stream, 'other', { fromMs: 15, toMs: 100 })).toEqual({ rows: 5, fromMs: 20 });
  expect(await undelivered(stream, 'other', { fromMs: 0, toMs: 10 })).toBeUndefined();
});

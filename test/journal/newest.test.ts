/** What a start reads of the journals that were: the newest payloads, of segments and of spares, whatever state they are in. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readNewest } from '../../src/journal/newest.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-newest-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const openStream = (compression: 'none' | 'lz4' = 'none', spareBytesMax = 1_000_000) =>
  JournalStream.open({
    disk: systemDisk,
    dir,
    segmentBytesMax: 2_000,
    compression,
    spareBytesMax,
    onDamage: () => {},
  });

const lineOf = (n: number) => `line ${String(n).padStart(4, '0')} ${'x'.repeat(200)}\n`;

function append(stream: JournalStream, from: number, end: number): void {
  for (let n = from; n < end; n++) stream.append([Buffer.from(lineOf(n))], 1, 1_000 + n);
}

/** Numbers of the lines that are read. */
async function read(bytesMax = 1_000_000, sinceMs = 0): Promise<number[]> {
  const numbers: number[] = [];
  await readNewest(systemDisk, dir, bytesMax, sinceMs, (payload) =>
    numbers.push(Number(payload.toString('utf8').slice(5, 9))),
  );
  return numbers;
}

const upTo = (from: number, end: number) => Array.from({ length: end - from }, (_, index) => from + index);
const files = (suffix: string) => readdirSync(dir).filter((name) => name.endsWith(suffix));

describe.each(['none', 'lz4'] as const)('compression %s', (compression) => {
  test('what was let go of is read from its spares, in order', async () => {
    const stream = await openStream(compression);
    append(stream, 0, 100);
    stream.deleteBefore(60);
    stream.close();
    expect(files('.spare').length).toBeGreaterThan(1);
    expect(await read()).toEqual(upTo(0, 100));
  });
});

test('only the newest bytes are read, only what is new enough, and no folder is nothing', async () => {
  const stream = await openStream();
  append(stream, 0, 100);
  stream.close();
  const some = await read(3_000);
  expect(some.length).toBeGreaterThan(5);
  expect(some).toEqual(upTo(100 - some.length, 100));
  expect(await read(1_000_000, 1_090)).toEqual(upTo(90, 100));
  rmSync(dir, { recursive: true });
  expect(await read()).toEqual([]);
});

test('what was written while the clock stood wrong is as new as what stands before it', async () => {
  const stream = await openStream();
  append(stream, 0, 20);
  for (const n of upTo(20, 25)) stream.append([Buffer.from(lineOf(n))], 1, 10);
  stream.close();
  expect(await read(1_000_000, 1_015)).toEqual(upTo(15, 25));
});

test('spares that are written over give the events of their new life; the newest are left for the next start', async () => {
  const stream = await openStream('none', 20_000);
  for (let n = 0; n < 400; n += 10) {
    append(stream, n, n + 10);
    stream.deleteBefore(n);
  }
  stream.close();
  const numbers = await read();
  // Half of the spares' bytes at least, without a gap, and all that was not let go of.
  const newest = numbers.filter((n) => n >= 400 - 10_000 / 260);
  expect(newest).toEqual(upTo(400 - newest.length, 400));
  expect(newest.length).toBeGreaterThan(30);
  const bytes = files('.spare').reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
  expect(bytes).toBeLessThanOrEqual(20_000 + 3_000);
  // Files are written over: in 400 lines there were more segments than are there.
  expect(readdirSync(dir).length).toBeLessThan(20);
});

test('damage costs what it hit: a flipped byte, a torn end, a spare that was being renamed', async () => {
  const stream = await openStream();
  append(stream, 0, 40);
  stream.close();
  const [first = '', second = '', third = ''] = readdirSync(dir).sort();
  const bytes = readFileSync(join(dir, first));
  bytes[300] = (bytes[300] ?? 0) ^ 0xff;
  writeFileSync(join(dir, first), bytes);
  const cut = statSync(join(dir, second)).size - 10;
  truncateSync(join(dir, second), cut);
  const numbers = await read();
  expect(numbers).toHaveLength(38);
  expect(numbers).not.toContain(1);
  // The header of the next life is written before the name changes.
  const reused = readFileSync(join(dir, third));
  reused.fill(0, 0, 32);
  writeFileSync(join(dir, third), reused);
  renameSync(join(dir, third), join(dir, `${third}.spare`));
  writeFileSync(join(dir, 'anything.spare'), 'x');
  expect((await read()).sort((left, right) => left - right)).toEqual(
    numbers.sort((left, right) => left - right),
  );
});

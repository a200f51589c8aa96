/** Writes past the page cache give the same journal as writes through it, in whatever order the two come. */
import { readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { headBytes, wholeBlocks, writeBlocks } from '../../src/journal/direct.ts';
import type { Disk } from '../../src/journal/disk.ts';
import { StreamReader } from '../../src/journal/reader.ts';
import type { Damage } from '../../src/journal/segment.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { createSystemDisk } from '../../src/journal/system-disk.ts';
import { WriteWays } from '../../src/journal/write-ways.ts';
import { alignedBuffer, BLOCK_BYTES } from '../../src/memory.ts';
import { meteredDisk } from '../../src/metered-journal.ts';
import { createStatisticsMemory, ThreadStatistics } from '../../src/metrics/statistics.ts';

/** Not the system's own folder for files of a moment, which may be memory. */
const FOLDER = fileURLToPath(new URL('../../node_modules/', import.meta.url));

let dir: string;
let damages: Damage[];

beforeEach(async () => {
  dir = await mkdtemp(join(FOLDER, '.penstock-direct-'));
  damages = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Goes the ways that it is told to, and says which it went. */
class ToldWays extends WriteWays {
  readonly went: boolean[] = [];
  isForbidden = false;
  readonly #next: () => boolean;

  constructor(next: () => boolean) {
    super();
    this.#next = next;
  }

  override choosesDirect(): boolean {
    return !this.isForbidden && this.#next();
  }

  override note(isDirect: boolean): void {
    this.went.push(isDirect);
  }

  override forbidDirect(): void {
    this.isForbidden = true;
  }
}

const open = (disk: Disk, spareBytesMax = 0) =>
  JournalStream.open({
    disk,
    dir,
    segmentBytesMax: 40_000,
    compression: 'none',
    spareBytesMax,
    onDamage: (damage) => damages.push(damage),
  });

async function readAll(stream: JournalStream, fromRow = 0): Promise<[number, string][]> {
  const reader = new StreamReader(stream, { ...stream.start(), row: fromRow });
  const found: [number, string][] = [];
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next())
    found.push([chunk.firstRow, chunk.payload.toString('latin1')]);
  reader.close();
  return found;
}

/** Whether this machine and file system can do it at all. */
function canDirect(): boolean {
  if (alignedBuffer(BLOCK_BYTES) === undefined) return false;
  const ways = new ToldWays(() => true);
  const file = createSystemDisk(ways).open(join(dir, 'try'), true);
  file.write([Buffer.from('x')], 0);
  file.close();
  rmSync(join(dir, 'try'));
  return ways.went[0] === true;
}

describe('direct writes', () => {
  test('are mixed with cached ones, over segments, spares and starts, and every chunk is there', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const sizes = fc.oneof(
      fc.integer({ min: 0, max: 200 }),
      fc.integer({ min: 3_900, max: 4_200 }),
      fc.integer({ min: 0, max: 30_000 }),
    );
    const step = fc.record({
      size: sizes,
      isDirect: fc.boolean(),
      isAsync: fc.boolean(),
      next: fc.constantFrom('append', 'append', 'append', 'append', 'read', 'start', 'let go'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        rmSync(dir, { recursive: true, force: true });
        let isDirect = false;
        const disk = createSystemDisk(new ToldWays(() => isDirect));
        let stream = await open(disk, 200_000);
        let expected: [number, string][] = [];
        const wholly = () => expected.filter(([row]) => row >= stream.start().row);
        for (const [index, one] of steps.entries()) {
          isDirect = one.isDirect;
          const text = String.fromCharCode(97 + (index % 26)).repeat(one.size);
          expected.push([stream.nextRow, text]);
          const payload = [Buffer.from(text.slice(0, 7)), Buffer.from(text.slice(7))];
          if (one.isAsync) expect(await stream.appendAsync(payload, 1, index)).toHaveProperty('start');
          else stream.append(payload, 1, index);
          if (one.next === 'read') expect(await readAll(stream)).toEqual(wholly());
          // Not closed: as a kill leaves it.
          if (one.next === 'start') stream = await open(disk, 200_000);
          if (one.next === 'let go') stream.deleteBefore(stream.nextRow);
        }
        expect(await readAll(stream)).toEqual(wholly());
        expected = wholly();
        stream = await open(disk, 200_000);
        expect(await readAll(stream)).toEqual(expected);
        expect(damages).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('of more than their memory take several, and are read back from any row', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const ways = new ToldWays(() => true);
    const stream = await open(createSystemDisk(ways));
    const texts = [5_000_000, 1, 4_194_304, 100].map((size, index) => String(index).repeat(size));
    for (const text of texts) stream.append([Buffer.from(text)], 10, 0);
    expect(ways.went.every(Boolean)).toBe(true);
    const rows = texts.map((text, index): [number, string] => [index * 10, text]);
    for (const from of [0, 1]) {
      const found = await readAll(stream, from * 10);
      expect(found.map(([row, { length }]) => [row, length])).toEqual(
        rows.slice(from).map(([row, { length }]) => [row, length]),
      );
      expect(found.every(([, text], index) => text === rows[from + index]?.[1])).toBe(true);
    }
  });

  test('leave a segment that is full as long as its chunks', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const stream = await open(createSystemDisk(new ToldWays(() => true)));
    stream.append([Buffer.alloc(50_001)], 1, 0);
    const [first = ''] = readdirSync(dir);
    expect(statSync(join(dir, first)).size % BLOCK_BYTES).toBe(0);
    stream.append([Buffer.alloc(1)], 1, 0);
    expect(statSync(join(dir, first)).size).toBe(stream.segments[0]?.bytes);
  });

  test('go on beside the thread, one at a time, and a file that is closed meanwhile waits for its own', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const disk = createSystemDisk(new ToldWays(() => true));
    const file = disk.open(join(dir, 'closed'), true);
    file.write([Buffer.alloc(100)], 0);
    const bytes = Buffer.alloc(1_000_001, 'a');
    const written = file.writeAsync?.([bytes], 100);
    expect(written).toBeInstanceOf(Promise);
    bytes.fill('b');
    file.close();
    const other = disk.open(join(dir, 'other'), true);
    expect(other.writeAsync?.([bytes], 0)).toBeUndefined();
    other.write([bytes], 0);
    await written;
    expect(
      other.writeAsync?.([Buffer.alloc(3 * 1024 * 1024)], 0),
      'more than the memory for it',
    ).toBeUndefined();
    other.close();
    expect(readFileSync(join(dir, 'closed')).subarray(100, 1_000_101)).toEqual(Buffer.alloc(1_000_001, 'a'));
    expect(readFileSync(join(dir, 'other'))).toEqual(Buffer.alloc(1_000_001, 'b'));
    expect(() => file.size()).toThrow('EBADF');
  });

  test('are what they are behind the meter too', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const statistics = new ThreadStatistics(createStatisticsMemory(1, 0), 0);
    const file = meteredDisk(createSystemDisk(new ToldWays(() => true)), statistics, systemClock).open(
      join(dir, 'metered'),
      true,
    );
    expect(file.isDirect).toBe(false);
    await file.writeAsync?.([Buffer.alloc(BLOCK_BYTES, 'x')], 0);
    expect(file.isDirect).toBe(true);
    const target = alignedBuffer(BLOCK_BYTES) ?? Buffer.alloc(0);
    expect(await file.readBlocks?.(target, 0)).toBe(BLOCK_BYTES);
    expect(target.every((byte) => byte === 120)).toBe(true);
    file.close();
  });

  test('that were cut short are told of as any torn end is', async (context) => {
    if (!canDirect()) context.skip('no direct writes here');
    const disk = createSystemDisk(new ToldWays(() => true));
    const first = await open(disk);
    first.append([Buffer.from('a'.repeat(6_000))], 1, 0);
    first.append([Buffer.from('b'.repeat(6_000))], 1, 0);
    truncateSync(join(dir, readdirSync(dir)[0] ?? ''), 2 * BLOCK_BYTES);
    const second = await open(disk);
    expect(damages).toMatchObject([{ kind: 'tail' }]);
    second.append([Buffer.from('c')], 1, 0);
    expect((await readAll(second)).map(([row, text]) => [row, text[0]])).toEqual([
      [0, 'a'],
      [1, 'c'],
    ]);
  });

  test('that a file system does not have go through the cache, and are not tried again', () => {
    const ways = new ToldWays(() => true);
    const file = createSystemDisk(ways).open('/dev/null', false);
    file.write([Buffer.from('vitest')], 0);
    file.close();
    expect([ways.went, ways.isForbidden]).toEqual([[false], alignedBuffer(BLOCK_BYTES) !== undefined]);
  });
});

test('blocks are whole, begin with what stood there, and end in zeros', () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 3 * BLOCK_BYTES }), { maxLength: 6 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3 * BLOCK_BYTES }), sizes, (position, lengths) => {
      const views = lengths.map((length, index) => Buffer.alloc(length, 65 + index));
      const target = Buffer.alloc(2 * BLOCK_BYTES, '?');
      target.fill('H', 0, headBytes(position));
      const disk = Buffer.alloc(64 * BLOCK_BYTES, '.');
      const rest = writeBlocks(views, position, target, (bytes, at) => {
        expect([bytes % BLOCK_BYTES, at % BLOCK_BYTES]).toEqual([0, 0]);
        target.copy(disk, at, 0, bytes);
      });
      const bytes = Buffer.concat(views);
      const end = position + bytes.length;
      expect(disk.subarray(position, end).equals(bytes)).toBe(true);
      expect(rest).toBe(headBytes(end));
      const block = end - rest;
      if (bytes.length > 0) {
        expect(disk.subarray(position - headBytes(position), position).every((byte) => byte === 72)).toBe(
          true,
        );
        expect(disk.subarray(end, wholeBlocks(end)).every((byte) => byte === 0)).toBe(true);
        expect(target.subarray(0, rest).equals(disk.subarray(block, end))).toBe(true);
      }
    }),
  );
});

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cursor } from '../../src/journal/cursor.ts';
import { Delivery } from '../../src/journal/delivery.ts';
import { StreamReader } from '../../src/journal/reader.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import type { BlockBuilder } from '../../src/sinks/sink.ts';
import { createFaultyDisk, type Faults } from './faulty-disk.ts';

let dir: string;
let faults: Faults;
let open: (isSynced?: boolean) => Promise<JournalStream>;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  const faulty = createFaultyDisk();
  faults = faulty.faults;
  open = (isSynced = true) =>
    JournalStream.open({
      isSynced,
      disk: faulty.disk,
      dir,
      segmentBytesMax: 4096,
      compression: 'none',
      spareBytesMax: 100_000,
      onDamage: () => {},
    });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const append = (stream: JournalStream, text: string) => stream.append([Buffer.from(text)], 1, 0);

async function readAll(stream: JournalStream): Promise<string[]> {
  const reader = new StreamReader(stream, stream.start());
  const found: string[] = [];
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    found.push(chunk.payload.toString());
  }
  reader.close();
  return found;
}

test('a full disk refuses the chunk, leaves no part of it, and heals', async () => {
  const stream = await open();
  append(stream, 'before');
  for (let room = 0; room < 48 + 'refused'.length; room++) {
    faults.bytesLeft = room;
    expect(() => append(stream, 'refused')).toThrow('ENOSPC');
    expect(await readAll(await open())).toEqual(['before']);
  }
  faults.bytesLeft = Number.POSITIVE_INFINITY;
  append(stream, 'after');
  expect(await readAll(stream)).toEqual(['before', 'after']);
  expect(await readAll(await open())).toEqual(['before', 'after']);
});

describe('while the disk takes a chunk', () => {
  const appendAsync = (stream: JournalStream, text: string) => stream.appendAsync([Buffer.from(text)], 1, 0);

  /** Until what it gives is called, nothing is written. */
  const pause = () => {
    let end = (): void => {};
    faults.written = new Promise((resolve) => {
      end = resolve;
    });
    return end;
  };

  test('it is not there before it is written, and nothing else is appended', async () => {
    const stream = await open();
    append(stream, 'before');
    const end = pause();
    const written = appendAsync(stream, 'later');
    expect(written).toBeInstanceOf(Promise);
    expect([stream.nextRow, await readAll(stream)]).toEqual([1, ['before']]);
    expect(() => append(stream, 'too early')).toThrow('one chunk is written at a time');
    stream.probe();
    end();
    expect(await written).toMatchObject({ start: { row: 1 }, end: { row: 2 } });
    await appendAsync(stream, 'after');
    expect(await readAll(stream)).toEqual(['before', 'later', 'after']);
    expect(await readAll(await open())).toEqual(['before', 'later', 'after']);
  });

  test('and does not, no part of it is left', async () => {
    const stream = await open();
    append(stream, 'before');
    faults.written = Promise.resolve();
    for (let room = 0; room < 48 + 'refused'.length; room++) {
      faults.bytesLeft = room;
      await expect(appendAsync(stream, 'refused')).rejects.toThrow('ENOSPC');
      expect(await readAll(await open())).toEqual(['before']);
    }
    faults.bytesLeft = 20;
    faults.failsTruncate = true;
    await expect(appendAsync(stream, 'refused')).rejects.toThrow('ENOSPC');
    faults.bytesLeft = Number.POSITIVE_INFINITY;
    faults.failsTruncate = false;
    await appendAsync(stream, 'after');
    expect(await readAll(stream)).toEqual(['before', 'after']);
    expect(await readAll(await open())).toEqual(['before', 'after']);
  });

  test('a sync that fails ends the segment behind it', async () => {
    const stream = await open();
    append(stream, 'before');
    const end = pause();
    const written = appendAsync(stream, 'later');
    faults.failsSync = true;
    await expect(stream.sync()).rejects.toThrow('EIO');
    faults.failsSync = false;
    end();
    await written;
    await appendAsync(stream, 'after');
    expect(stream.segments.map(({ firstRow }) => firstRow)).toEqual([0, 2]);
    await stream.sync();
    expect(await readAll(stream)).toEqual(['before', 'later', 'after']);
    expect(await readAll(await open())).toEqual(['before', 'later', 'after']);
  });
});

test('where not even the torn chunk can be cut off, the next goes into another segment', async () => {
  const stream = await open();
  append(stream, 'before');
  faults.bytesLeft = 20;
  faults.failsTruncate = true;
  expect(() => append(stream, 'refused')).toThrow('ENOSPC');
  faults.bytesLeft = Number.POSITIVE_INFINITY;
  faults.failsTruncate = false;
  append(stream, 'after');
  expect(await readAll(stream)).toEqual(['before', 'after']);
  expect(await readAll(await open())).toEqual(['before', 'after']);
});

test('a disk that cannot be written at all heals too', async () => {
  const stream = await open();
  faults.failsWrite = true;
  for (let count = 0; count < 3; count++) expect(() => append(stream, 'refused')).toThrow('EIO');
  faults.failsTruncate = true;
  for (let count = 0; count < 3; count++) expect(() => append(stream, 'refused')).toThrow('EIO');
  faults.failsTruncate = false;
  faults.failsWrite = false;
  append(stream, 'after');
  expect(await readAll(stream)).toEqual(['after']);
});

test('a delivery that cannot read the journal goes on when it can', async () => {
  const stream = await open();
  for (const text of ['a\n', 'b\n', 'c\n']) append(stream, text);
  const sent: string[] = [];
  const cursor = await Cursor.open(systemDisk, join(dir, 'sink.cursor'));
  faults.failsRead = true;
  const delivery = new Delivery({
    stream,
    cursor,
    target: {
      name: 'sink',
      begin: () => new TextBlock(),
      send: async (_token, block) => {
        sent.push((block as TextBlock).text);
        return 'delivered';
      },
    },
    tokenPrefix: 't',
    blockBytesMax: 1000,
    flushIntervalMs: 1,
    syncsCursor: false,
    sendTimeoutMs: 10_000,
    breaker: { pauseMs: () => 5, onChange: () => {} },
    poison: undefined,
    onDelivered: () => {},
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  // The sink is not to blame.
  expect([sent, delivery.breaker.failuresTotal]).toEqual([[], 0]);
  faults.failsRead = false;
  await delivery.drain(AbortSignal.timeout(5_000));
  expect(sent.join('')).toBe('a\nb\nc\n');
  await delivery.close();
});

class TextBlock implements BlockBuilder {
  text = '';
  rows = 0;
  get bytes(): number {
    return this.text.length;
  }
  add(payload: Uint8Array, rows: number): void {
    this.text += Buffer.from(payload).toString();
    this.rows += rows;
  }
  release(): void {}
}

test('syncs that are asked for together are one, and one more for who came while it ran', async () => {
  const stream = await open();
  append(stream, 'a');
  const first = stream.sync();
  const rest = Array.from({ length: 100 }, () => stream.sync());
  await Promise.all([first, ...rest]);
  expect(faults.syncs).toBe(2);
});

test('a failed sync is told to all who wait, and the next begins anew', async () => {
  const stream = await open();
  append(stream, 'a');
  faults.failsSync = true;
  await expect(stream.sync()).rejects.toThrow('EIO');
  faults.failsSync = false;
  append(stream, 'b');
  await stream.sync();
  expect(await readAll(stream)).toEqual(['a', 'b']);
  expect(stream.segments.length).toBe(2);
});

test('a failed sync of a stream that nothing follows in leaves no row to wait for', async () => {
  const stream = await open();
  append(stream, 'a');
  faults.failsSync = true;
  for (let count = 0; count < 2; count++) await expect(stream.sync()).rejects.toThrow('EIO');
  faults.failsSync = false;
  stream.probe();
  expect(stream.nextRow).toBe(1);
  append(stream, 'b');
  expect(stream.nextRow).toBe(2);
  expect(await readAll(stream)).toEqual(['a', 'b']);
});

test('full segments of a stream that nobody syncs are closed', async () => {
  const stream = await open(false);
  for (let count = 0; count < 20; count++) append(stream, 'x'.repeat(4096));
  expect([stream.segments.length, faults.openFiles]).toEqual([20, 1]);
  stream.close();
  expect(faults.openFiles).toBe(0);
});

test('segments given up before they had a row have names of their own', async () => {
  const stream = await open();
  faults.failsTruncate = true;
  for (let count = 0; count < 3; count++) {
    faults.bytesLeft = 40;
    expect(() => append(stream, 'refused')).toThrow('ENOSPC');
  }
  faults.bytesLeft = Number.POSITIVE_INFINITY;
  faults.failsTruncate = false;
  append(stream, 'after');
  const names = stream.segments.map(({ name }) => name);
  expect([names.length, new Set(names).size]).toEqual([4, 4]);
  expect(await readAll(stream)).toEqual(['after']);
});

test('a delivered segment that cannot be let go of is let go of later', async () => {
  const stream = await open();
  for (let count = 0; count < 3; count++) append(stream, 'x'.repeat(4096));
  faults.failsRename = true;
  expect(stream.deleteBefore(2)).toBe(0);
  faults.failsRename = false;
  expect(stream.deleteBefore(2)).toBe(2);
  expect(stream.segments.length).toBe(1);
});

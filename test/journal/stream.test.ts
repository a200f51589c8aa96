import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StreamReader } from '../../src/journal/reader.ts';
import type { Damage } from '../../src/journal/segment.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';

let dir: string;
let damages: Damage[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'penstock-journal-'));
  damages = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function open(segmentBytesMax = 4096, spareBytesMax = 0): Promise<JournalStream> {
  return JournalStream.open({
    disk: systemDisk,
    dir,
    segmentBytesMax,
    compression: 'none',
    spareBytesMax,
    onDamage: (damage) => damages.push(damage),
  });
}

function append(stream: JournalStream, text: string, rows = 1, meta = ''): void {
  stream.append([Buffer.from(text)], rows, 1_000, Buffer.from(meta));
}

/** What a reader gives from the start: `firstRow:payload`. */
async function readAll(stream: JournalStream): Promise<string[]> {
  const reader = new StreamReader(stream, stream.start());
  const found: string[] = [];
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    found.push(`${chunk.firstRow}:${chunk.payload.toString()}`);
  }
  reader.close();
  return found;
}

const segments = () => readdirSync(dir).filter((name) => name.endsWith('.seg'));
const lastFile = () => join(dir, segments().at(-1) ?? '');

describe('a stream', () => {
  test('gives back what was appended, in order, over many segments', async () => {
    const stream = await open(300);
    for (let index = 0; index < 20; index++) append(stream, `event ${index}`, 2, `meta ${index}`);
    expect(segments().length).toBeGreaterThan(3);
    expect(await readAll(stream)).toEqual(
      Array.from({ length: 20 }, (_, index) => `${2 * index}:event ${index}`),
    );
  });

  test('is the same after a start that follows a kill', async () => {
    const first = await open();
    append(first, 'a', 3);
    append(first, 'b', 1);
    const second = await open();
    expect(second.nextRow).toBe(4);
    append(second, 'c');
    expect(await readAll(second)).toEqual(['0:a', '3:b', '4:c']);
    expect(damages).toEqual([]);
  });

  test('begins a segment with an epoch of its own at every start', async () => {
    append(await open(), 'a');
    append(await open(), 'b');
    const epochs = segments().map((name) => name.slice(21, 37));
    expect(new Set(epochs).size).toBe(2);
  });

  test('carries meta without rows', async () => {
    const stream = await open();
    append(stream, '', 0, 'session');
    const reader = new StreamReader(stream, stream.start());
    // No rows end behind the reader's row: nothing for a sink to do, so such chunks are for recovery only.
    expect(await reader.next()).toBeUndefined();
  });
});

describe('what a crash or a bad disk leaves', () => {
  test('an end torn at any byte is cut back to the last whole chunk', async () => {
    const stream = await open();
    append(stream, 'first', 2);
    const wholeBytes = stream.end().offset;
    append(stream, 'second', 1);
    const file = lastFile();
    const bytes = readFileSync(file);
    for (let length = wholeBytes; length < bytes.length; length++) {
      writeFileSync(file, bytes.subarray(0, length));
      damages = [];
      const reopened = await open();
      expect(await readAll(reopened), `torn at ${length}`).toEqual(['0:first']);
      expect(reopened.nextRow).toBe(2);
      expect(damages.map(({ kind }) => kind)).toEqual(length === wholeBytes ? [] : ['tail']);
    }
  });

  test('an end of zeros or of other bytes is cut off', async () => {
    for (const junk of [Buffer.alloc(5000), Buffer.alloc(5000, 'chnk')]) {
      const stream = await open();
      append(stream, 'kept');
      appendFileSync(lastFile(), junk);
      const reopened = await open();
      expect((await readAll(reopened)).at(-1)).toBe(`${reopened.nextRow - 1}:kept`);
    }
  });

  test('a flipped bit at any byte costs the chunk it is in, and is told', async () => {
    const stream = await open();
    for (const text of ['first', 'second', 'third']) append(stream, text);
    const file = lastFile();
    const bytes = readFileSync(file);
    // A segment behind it, so that the damaged one is not the last.
    append(await open(), 'fourth');
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(file, damaged);
      damages = [];
      const found = await readAll(await open());
      const lost = ['0:first', '1:second', '2:third', '3:fourth'].filter((chunk) => !found.includes(chunk));
      const chunkBytes = (bytes.length - 32 - 'third'.length + 5) / 3;
      expect(lost.length, `bit flipped at ${at} of ${bytes.length}, ${chunkBytes}`).toBe(at < 32 ? 0 : 1);
      expect(damages.length, `told of ${at}`).toBe(1);
    }
  });

  test('the damaged bytes are kept in quarantine', async () => {
    const stream = await open();
    append(stream, 'damaged');
    append(stream, 'sound');
    const file = lastFile();
    const bytes = readFileSync(file);
    bytes[32 + 48] = 0x58;
    writeFileSync(file, bytes);
    expect(await readAll(await open())).toEqual(['1:sound']);
    const kept = readdirSync(join(dir, 'quarantine'));
    expect(readFileSync(join(dir, 'quarantine', kept[0] ?? ''), 'latin1')).toContain('Xamaged');
  });

  test('bytes of a client that look like a chunk are never taken for one', async () => {
    const victim = await open();
    append(victim, 'x'.repeat(100));
    const chunk = readFileSync(lastFile()).subarray(32);
    rmSync(dir, { recursive: true });
    const stream = await open();
    stream.append([Buffer.concat([chunk, Buffer.from('tail')])], 1, 0);
    append(stream, 'behind');
    const file = lastFile();
    const bytes = readFileSync(file);
    bytes[32] = 0;
    writeFileSync(file, bytes);
    expect(await readAll(await open())).toEqual(['1:behind']);
  });
});

describe('letting go', () => {
  test('segments below the row go, the one that is written stays', async () => {
    const stream = await open(200);
    for (let index = 0; index < 10; index++) append(stream, 'x'.repeat(100));
    const before = stream.bytes;
    stream.deleteBefore(5);
    expect(segments().length).toBeLessThan(10);
    expect(stream.bytes).toBeLessThan(before);
    expect((await readAll(stream))[0]).toMatch(/^[345]:/);
    stream.deleteBefore(10);
    expect(segments().length).toBe(1);
    append(stream, 'more');
    expect((await readAll(stream)).at(-1)).toBe('10:more');
  });

  test('row numbers are not given out again when everything is gone', async () => {
    const stream = await open();
    append(stream, 'a', 7);
    stream.close();
    stream.deleteBefore(7);
    expect(segments()).toEqual([]);
    const reopened = await open();
    reopened.skipTo(7);
    append(reopened, 'b');
    expect(await readAll(reopened)).toEqual(['7:b']);
  });
});

describe('segments that are written over', () => {
  const spares = () => readdirSync(dir).filter((name) => name.endsWith('.spare'));

  test('take the place of new files, the oldest first, and nothing of what they held comes back', async () => {
    let stream = await open(300, 1_400);
    for (let index = 0; index < 12; index++) append(stream, `old ${index} ${'x'.repeat(60)}`);
    stream.deleteBefore(12);
    const kept = spares().length;
    expect(kept).toBeGreaterThan(2);
    for (let index = 0; index < 4; index++) append(stream, `new ${index}`);
    expect(spares().length).toBe(kept - 1);
    stream.deleteBefore(12);
    const found = await readAll(stream);
    expect(found.slice(-4)).toEqual(['12:new 0', '13:new 1', '14:new 2', '15:new 3']);
    // A kill now leaves old bytes behind the last chunk: nobody was promised those, and they are no damage.
    stream = await open(300, 1_400);
    expect((await readAll(stream)).slice(-4)).toEqual(found.slice(-4));
    expect([stream.nextRow, damages]).toEqual([16, []]);
    append(stream, 'last');
    expect((await readAll(await open(300, 1_400))).at(-1)).toBe('16:last');
    expect(damages).toEqual([]);
  });

  test('are deleted beyond the bound', async () => {
    const stream = await open(300, 500);
    for (let index = 0; index < 12; index++) append(stream, 'x'.repeat(100));
    stream.deleteBefore(12);
    expect(spares().length).toBe(1);
  });
});

test('a reader that waits at the end goes on with what is appended, over a new segment too', async () => {
  const stream = await open(200);
  append(stream, 'a');
  const reader = new StreamReader(stream, stream.start());
  expect((await reader.next())?.payload.toString()).toBe('a');
  expect(await reader.next()).toBeUndefined();
  append(stream, 'x'.repeat(300));
  append(stream, 'c');
  expect((await reader.next())?.payload.length).toBe(300);
  expect((await reader.next())?.payload.toString()).toBe('c');
  expect(await reader.next()).toBeUndefined();
  const again = new StreamReader(stream, reader.position);
  append(stream, 'd');
  expect((await again.next())?.payload.toString()).toBe('d');
});

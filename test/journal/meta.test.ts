import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CHUNK_HEADER_BYTES, SEGMENT_HEADER_BYTES } from '../../src/journal/format.ts';
import { StreamReader } from '../../src/journal/reader.ts';
import type { MetaKeeper } from '../../src/journal/recovery.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';

let dir: string;
let damages: number;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'penstock-meta-'));
  damages = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Words, each chunk's meta is one and a comma; a snapshot is all of them. */
class Words implements MetaKeeper {
  readonly words = new Set<string>();
  found(meta: Uint8Array): void {
    for (const word of Buffer.from(meta).toString().split(',').filter(Boolean)) this.words.add(word);
  }
  snapshot(): Uint8Array {
    return Buffer.from([...this.words].map((word) => `${word},`).join(''));
  }
}

async function open(words: Words, segmentBytesMax = 300): Promise<JournalStream> {
  return JournalStream.open({
    disk: systemDisk,
    dir,
    segmentBytesMax,
    compression: 'lz4',
    spareBytesMax: 0,
    onDamage: () => {
      damages += 1;
    },
    meta: words,
  });
}

function append(stream: JournalStream, words: Words, word: string, rows: number): void {
  const payload = rows === 0 ? [] : [Buffer.from('x'.repeat(50))];
  stream.append(payload, rows, 0, Buffer.from(`${word},`));
  words.found(Buffer.from(word));
}

async function readAll(stream: JournalStream): Promise<number[]> {
  const reader = new StreamReader(stream, stream.start());
  const rows: number[] = [];
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next())
    if (chunk.rows > 0) rows.push(chunk.firstRow);
  reader.close();
  return rows;
}

const segments = () => readdirSync(dir).filter((name) => name.endsWith('.seg'));

describe('what the meta says', () => {
  test('is known after a start, though the segments that said it first are deleted', async () => {
    const words = new Words();
    const stream = await open(words);
    for (let n = 0; n < 30; n++) append(stream, words, `w${n}`, n % 3);
    expect(segments().length).toBeGreaterThan(5);
    stream.deleteBefore(stream.nextRow);
    expect(segments().length).toBe(1);
    const again = new Words();
    await open(again);
    expect(again.words).toEqual(words.words);
  });

  test('is read from the segments before, where the first chunk of the last one is damaged', async () => {
    const words = new Words();
    const stream = await open(words, 1000);
    for (let n = 0; n < 40; n++) append(stream, words, `w${n}`, 1);
    stream.close();
    const last = join(dir, segments().at(-1) ?? '');
    const bytes = readFileSync(last);
    const place = SEGMENT_HEADER_BYTES + CHUNK_HEADER_BYTES + 1;
    bytes[place] = (bytes[place] ?? 0) ^ 0xff;
    writeFileSync(last, bytes);
    const again = new Words();
    await open(again, 1000);
    // What the damaged chunk alone said is lost with it.
    expect(words.words.size - again.words.size).toBeLessThanOrEqual(1);
  });

  test('alone fills segments too: each has a name of its own, and the rows behind them are where they should be', async () => {
    for (let life = 0; life < 3; life++) {
      const words = new Words();
      const stream = await open(words);
      for (let n = 0; n < 20; n++) append(stream, words, `l${life}w${n}`, 0);
      const before = stream.nextRow;
      append(stream, words, `l${life}rows`, 2);
      expect(stream.nextRow).toBeGreaterThanOrEqual(before + 2);
    }
    const stream = await open(new Words());
    expect((await readAll(stream)).length).toBe(3);
    expect(damages).toBe(0);
    const names = segments();
    expect(new Set(names.map((name) => name.slice(0, 20))).size).toBe(names.length);
  });

  test('alone is kept from deletion while nothing newer says it', async () => {
    const words = new Words();
    const stream = await open(words);
    append(stream, words, 'only', 0);
    while (segments().length < 2) {
      append(stream, words, 'more', 0);
      stream.probe();
    }
    stream.deleteBefore(stream.nextRow);
    const again = new Words();
    await open(again);
    expect(again.words).toEqual(new Set(['only', 'more']));
  });

  test('keeps the last segment of an earlier start until a chunk of this one says it again', async () => {
    const words = new Words();
    append(await open(words), words, 'kept', 1);
    const again = new Words();
    const stream = await open(again);
    stream.deleteBefore(stream.nextRow);
    expect(segments().length).toBe(1);
    append(stream, again, 'new', 1);
    stream.deleteBefore(stream.nextRow);
    expect(segments().length).toBe(1);
    const last = new Words();
    await open(last);
    expect(last.words).toEqual(new Set(['kept', 'new']));
  });
});

test('a reader that stands in a segment of meta alone goes on when that is let go of before it was opened', async () => {
  const words = new Words();
  const before = await open(words);
  append(before, words, 'one', 0);
  before.close();
  const stream = await open(words);
  const reader = new StreamReader(stream, stream.start());
  // As a start does: all is said again in a segment of its own, and the older one goes.
  append(stream, words, 'two', 0);
  expect(stream.deleteBefore(stream.nextRow)).toBe(1);
  expect((await reader.next())?.rows).toBe(0);
  expect(await reader.next()).toBeUndefined();
  expect(reader.position.row).toBe(stream.nextRow);
  append(stream, words, 'three', 1);
  expect((await reader.next())?.rows).toBe(1);
  reader.close();
  stream.close();
});

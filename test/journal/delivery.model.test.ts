/**
 * A delivery through many lives: each ends like a kill, at a random point, with blocks sent, half sent or sent and
 * not answered; and sends fail, often so often that the breaker opens, or hang. In the end the target, which drops tokens that it knows, holds every row once; but those that it
 * refuses for their content, which were found and put aside.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { sliceLines } from '../../src/journal/bisect.ts';
import { BreakerState } from '../../src/journal/breaker.ts';
import { Cursor } from '../../src/journal/cursor.ts';
import { Delivery } from '../../src/journal/delivery.ts';
import type { Disk } from '../../src/journal/disk.ts';
import type { MetaKeeper } from '../../src/journal/recovery.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import type { BlockTarget } from '../../src/sinks/sink.ts';
import { Lines } from './line-target.ts';

/** What ends with a process: after `dead` nothing that it holds reaches the disk or the target. */
interface Life {
  dead: boolean;
}

function mortal(life: Life): Disk {
  const alive = () => {
    if (life.dead) throw new Error('dead');
  };
  return {
    ...systemDisk,
    remove(path) {
      alive();
      systemDisk.remove(path);
    },
    open(path, create) {
      alive();
      const file = systemDisk.open(path, create);
      return {
        size: () => file.size(),
        write(views, position) {
          alive();
          file.write(views, position);
        },
        read: (target, position) => file.read(target, position),
        truncate(bytes) {
          alive();
          file.truncate(bytes);
        },
        sync: () => file.sync(),
        close: () => file.close(),
      };
    },
  };
}

const isPoison = (line: string) => Number(line.slice(4)) % 89 === 7;
const HANGS = new Promise<never>(() => {});
const turn = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** `trouble` from 0 to 1: how often a send does not go well. */
function createTarget(
  stored: Map<string, string[]>,
  life: Life,
  random: () => number,
  trouble: () => number,
): BlockTarget {
  return {
    name: 'model',
    begin: () => new Lines(),
    async send(token, block, signal) {
      const lines = [...(block as Lines).lines];
      await turn(random() % 3);
      if (life.dead) return HANGS;
      const luck = (random() % 1000) / 1000;
      if (luck > 1 - trouble() / 2) return 'retry';
      if (lines.some(isPoison)) return 'refused';
      if (!stored.has(token)) stored.set(token, lines);
      if (luck < trouble() / 8) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return life.dead ? HANGS : 'retry';
      }
      // Stored, but the answer is lost.
      return luck < trouble() ? 'retry' : 'delivered';
    },
  };
}

/** Meta of the model: each chunk carries a mark, higher than all before it; what is known is the highest. */
class Marks implements MetaKeeper {
  high = 0;
  found(meta: Uint8Array): void {
    for (const mark of Buffer.from(meta).toString().split(',')) this.high = Math.max(this.high, Number(mark));
  }
  snapshot(): Uint8Array {
    return this.high === 0 ? new Uint8Array(0) : Buffer.from(`${this.high},`);
  }
  next(): Uint8Array {
    this.high += 1;
    return Buffer.from(`${this.high},`);
  }
}

async function live(
  dir: string,
  stored: Map<string, string[]>,
  random: () => number,
  options: {
    rows: string[];
    poisoned: Set<string>;
    marks: { high: number };
    nextRow: () => number;
    ms: number;
    trouble: number;
    /** Of ten chunks. */
    metaAlone: number;
    finish: boolean;
    onOpen: () => void;
  },
): Promise<void> {
  const life: Life = { dead: false };
  const disk = mortal(life);
  const meta = new Marks();
  const stream = await JournalStream.open({
    disk,
    dir,
    segmentBytesMax: 2000,
    compression: 'none',
    spareBytesMax: 20_000,
    onDamage: () => {},
    meta,
  });
  expect(meta.high, 'what the meta said before').toBe(options.marks.high);
  const cursor = await Cursor.open(disk, join(dir, 'model.cursor'));
  stream.skipTo(cursor.state?.blockEndRow ?? 0);
  let trouble = options.trouble;
  const delivery = new Delivery({
    stream,
    cursor,
    target: createTarget(stored, life, random, () => trouble),
    tokenPrefix: 'node-0-events',
    blockBytesMax: 500,
    flushIntervalMs: 2,
    syncsCursor: false,
    sendTimeoutMs: 10,
    breaker: { pauseMs: () => 1, onChange: (state) => state === BreakerState.open && options.onOpen() },
    poison: {
      slice: sliceLines,
      onPoison: (row) => options.poisoned.add(row.toString().trimEnd()),
    },
    onDelivered: (row) => stream.deleteBefore(row),
  });
  const until = Date.now() + options.ms;
  while (Date.now() < until) {
    for (let chunks = random() % 4; chunks > 0; chunks--) {
      // Some chunks are meta alone, in some lives most: they fill whole segments.
      const rows = random() % 10 < options.metaAlone ? 0 : 1 + (random() % 5);
      const lines = Array.from({ length: rows }, () => `row ${options.nextRow()}`);
      options.rows.push(...lines);
      const payload = Buffer.from(lines.map((line) => `${line}\n`).join(''));
      delivery.offer(stream.append([payload], rows, 0, meta.next()), payload, rows);
      options.marks.high = meta.high;
      if (rows === 0) stream.deleteBefore(delivery.deliveredRow);
    }
    await turn(random() % 4);
  }
  trouble = 0;
  if (options.finish) {
    await delivery.drain(AbortSignal.timeout(10_000));
    expect(delivery.deliveredRow).toBe(stream.nextRow);
    await delivery.close();
  }
  life.dead = true;
  if (!options.finish) void delivery.close();
}

test.each([1, 2, 3, 4])(
  'every row reaches the target once, whatever ends the process (seed %i)',
  async (seed) => {
    const dir = mkdtempSync(join(tmpdir(), 'penstock-delivery-'));
    const random = createRandom(seed);
    const stored = new Map<string, string[]>();
    const rows: string[] = [];
    const poisoned = new Set<string>();
    const marks = { high: 0 };
    let next = 0;
    const nextRow = () => next++;
    let opened = 0;
    const onOpen = () => (opened += 1);
    for (let count = 0; count < 12 || rows.length < 400; count++) {
      // One life with a target that never answers well, so that the breaker opens in every run.
      const isAway = count === 3;
      const ms = isAway ? 100 : 5 + (random() % 40);
      await live(dir, stored, random, {
        rows,
        poisoned,
        nextRow,
        ms,
        trouble: isAway ? 1 : (random() % 8) / 10,
        marks,
        metaAlone: [0, 3, 9][random() % 3] ?? 0,
        finish: false,
        onOpen,
      });
    }
    const last = { ms: 20, trouble: 0.3, metaAlone: 5, finish: true, onOpen };
    await live(dir, stored, random, { rows, poisoned, marks, nextRow, ...last });
    const delivered = [...stored.values()].flat();
    expect(rows.length).toBeGreaterThan(300);
    expect(poisoned.size).toBeGreaterThan(2);
    expect(opened).toBeGreaterThan(0);
    expect(poisoned).toEqual(new Set(rows.filter(isPoison)));
    expect(delivered.length).toBe(rows.length - poisoned.size);
    expect(new Set(delivered)).toEqual(new Set(rows.filter((row) => !isPoison(row))));
    rmSync(dir, { recursive: true });
  },
);

test('rows at the very end that a damage took are passed', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-delivery-'));
  const stored = new Map<string, string[]>();
  const damages: string[] = [];
  const open = () =>
    JournalStream.open({
      disk: systemDisk,
      dir,
      segmentBytesMax: 2000,
      compression: 'none',
      spareBytesMax: 0,
      onDamage: ({ kind }) => damages.push(kind),
    });
  const first = await open();
  for (const row of ['row 1\n', 'row 2\n']) first.append([Buffer.from(row)], 1, 0);
  const file = join(dir, first.segments[0]?.name ?? '');
  const bytes = readFileSync(file);
  bytes[bytes.length - 3] = 0x58;
  writeFileSync(file, bytes);
  // Another behind it, so that this one is not the last and its end no torn write.
  const second = await open();
  second.skipTo(2);
  second.append([], 0, 0);
  const stream = await open();
  stream.skipTo(9);
  const cursor = await Cursor.open(systemDisk, join(dir, 'model.cursor'));
  const life: Life = { dead: false };
  const delivery = new Delivery({
    stream,
    cursor,
    target: createTarget(
      stored,
      life,
      () => 999,
      () => 0,
    ),
    tokenPrefix: 'node-0-events',
    blockBytesMax: 500,
    flushIntervalMs: 2,
    syncsCursor: false,
    sendTimeoutMs: 10_000,
    breaker: { pauseMs: () => 1, onChange: () => {} },
    poison: undefined,
    onDelivered: () => {},
  });
  await delivery.drain(AbortSignal.timeout(5_000));
  expect(delivery.deliveredRow).toBe(9);
  expect([...stored.values()]).toEqual([['row 1']]);
  await delivery.close();
  rmSync(dir, { recursive: true });
});

/** Block files in the format Native: what the sink writes where the addon is built, and lines where it is not. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  blockFileName,
  OBJECT_TYPE_FILE,
  refusedDir,
  spoolDir,
} from '../../../src/sinks/embedded/protocol.ts';
import { createStoreClient } from '../../../src/sinks/embedded/store-client.ts';
import { encoder, take } from '../native-block-harness.ts';
import { createHarness, eventLine, eventLines, type Harness, query, until, untilReady } from './harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = createHarness();
});
afterEach(() => harness.close());

const COUNTS = 'SELECT count(), uniqExact(event_id) FROM events FORMAT CSV';

function blockOf(lines: Buffer): Buffer {
  const made = encoder();
  expect(made.append(lines)).toBe(lines.length);
  return take(made);
}

test('a sink writes one kind of file or the other, and both arrive', async () => {
  const store = harness.start();
  await untilReady(store);
  await store.stop();
  const spool = spoolDir(store.address.storeDir);
  const native = await harness.sink(store);
  const plain = await harness.sink(store, { jsonForm: undefined });
  const lines = eventLines('n', 500);
  for (const sink of [native, plain]) sink.append(lines, 500);
  // A gathering block counts as what it will take, about.
  expect(native.journal.memoryBytes).toBeGreaterThan(500);
  expect(native.journal.memoryBytes).toBeLessThan(lines.length / 2);
  expect(plain.journal.memoryBytes).toBe(lines.length);
  await until(() => readdirSync(spool).filter((file) => !file.endsWith('.tmp')).length === 2, 'written');
  const kinds = readdirSync(spool).map((file) => file.split('.')[1]);
  expect(kinds.sort()).toEqual(['jsonl', 'native']);
  for (const file of readdirSync(spool).filter((name) => name.endsWith('.native'))) {
    expect(readFileSync(join(spool, file)).equals(blockOf(lines))).toBe(true);
  }
  const again = harness.start();
  await untilReady(again);
  for (const sink of [native, plain]) await sink.drain();
  expect(readdirSync(spool)).toEqual([]);
  expect(await query(again, COUNTS)).toBe('1000,500');
});

test('the same rows count once in whatever form they are written', async () => {
  const store = harness.start();
  await untilReady(store);
  const client = createStoreClient(store.address.socketPath);
  const lines = eventLines('f', 100);
  for (const [kind, bytes] of [
    ['native', blockOf(lines)],
    ['jsonl', lines],
  ] as const) {
    const file = blockFileName(`${store.address.startId}-0-100`, kind);
    writeFileSync(join(spoolDir(store.address.storeDir), file), bytes);
    expect((await client.insert(file)).outcome).toBe('inserted');
  }
  client.close();
  expect(await query(store, COUNTS)).toBe('100,100');
});

test('a file of two blocks is one part, and counts once under its name', async () => {
  const store = harness.start();
  await untilReady(store);
  const client = createStoreClient(store.address.socketPath);
  const file = blockFileName(`${store.address.startId}-9-0`, 'native');
  const mixed = eventLine('mixed', { event_data: { list: [1, 'x', [2]] } });
  const lines = Buffer.concat([eventLines('big', 60_000), Buffer.from(mixed), eventLines('more', 10)]);
  const bytes = blockOf(lines);
  for (let round = 0; round < 2; round++) {
    writeFileSync(join(spoolDir(store.address.storeDir), file), bytes);
    expect((await client.insert(file)).outcome).toBe('inserted');
  }
  client.close();
  expect(await query(store, COUNTS)).toBe('60011,60011');
  expect(
    await query(store, "SELECT count(), max(rows) FROM system.parts WHERE table = 'events' FORMAT CSV"),
  ).toBe('1,60011');
});

test('a file that was cut, or whose bytes were changed, is moved aside or holds rows, and stops nothing', async () => {
  const store = harness.start();
  await untilReady(store);
  const client = createStoreClient(store.address.socketPath);
  const bytes = blockOf(eventLines('d', 200));
  const files = [
    bytes.subarray(0, bytes.length - 1),
    bytes.subarray(0, 40),
    Buffer.from('{"event_id":"no block"}\n'),
  ];
  for (const [index, content] of files.entries()) {
    const file = blockFileName(`${store.address.startId}-8-${index}`, 'native');
    writeFileSync(join(spoolDir(store.address.storeDir), file), content);
    expect([index, (await client.insert(file)).outcome]).toEqual([index, 'refused']);
  }
  client.close();
  expect(readdirSync(refusedDir(store.address.storeDir))).toHaveLength(2 * files.length);
  const sink = await harness.sink(store);
  sink.append(eventLines('good', 3), 3);
  await sink.drain();
  expect(await query(store, COUNTS)).toBe('3,3');
});

test('blocks larger than the bound are cut into several, and a slab that fills one goes on in the next', async () => {
  const store = harness.start();
  await untilReady(store);
  const sink = await harness.sink(store, { blockBytesMax: 100_000, flushIntervalMs: 60_000 });
  sink.append(eventLines('a', 20_000), 20_000);
  await sink.drain();
  expect([sink.journal.waitingRows, sink.target.refusedRows(), sink.journal.memoryBytes]).toEqual([0, 0, 0]);
  expect(await query(store, COUNTS)).toBe('20000,20000');
});

test('a line that the encoder cannot read is put aside, and what stands around it arrives', async () => {
  const store = harness.start();
  await untilReady(store);
  const sink = await harness.sink(store);
  sink.append(Buffer.from(`${eventLine('before')}{"event_id":"damaged" oops\n${eventLine('behind')}`), 3);
  await sink.drain();
  expect(sink.unreadable).toEqual(['{"event_id":"damaged" oops\n']);
  expect(await query(store, 'SELECT event_id FROM events ORDER BY event_id FORMAT CSV')).toBe(
    '"before"\n"behind"',
  );
});

test('the type of the object columns is known from the second start on, whatever the configuration says', async () => {
  const first = harness.start({ objectType: 'String' });
  expect(first.objectType).toBe('String');
  await untilReady(first);
  await first.stop();
  const second = harness.start({ objectType: 'JSON' });
  expect(second.objectType).toBe('String');
  await second.stop();
  // A directory of an earlier release: nobody noted the type.
  rmSync(join(first.address.storeDir, OBJECT_TYPE_FILE));
  const third = harness.start({ objectType: 'JSON' });
  expect(third.objectType).toBe(undefined);
  await untilReady(third);
  await third.stop();
  mkdirSync(join(harness.dataDir, 'new'));
  expect(harness.start({ dataDir: join(harness.dataDir, 'new') }).objectType).toBe('JSON');
});

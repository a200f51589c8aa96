/** Queues in files, on a real disk: whose they are, and what is left of them when a process dies. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { StoredQueue } from '../../src/sdk/platform.ts';
import { createQueue } from '../../src/sdk/queue.ts';
import { type FileProcess, fileStorage } from '../../src/sdk/storage-file.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-sdk-file-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A process as storage sees it; those in `dead` have ended. */
const dead = new Set<number>();
let made = 0;
function process(pid: number, startSeconds = 1_000): FileProcess {
  return {
    pid,
    startSeconds,
    bootSeconds: 500,
    isAlive: (other) => !dead.has(other),
    nowMs: () => 0,
    createId: () => `id${made++}`,
  };
}

/** A client's queue in the folder, opened. */
function openQueue(owner: FileProcess) {
  const errors: unknown[] = [];
  const queue = createQueue(fileStorage(dir, owner), 100_000, 100_000_000, (error) => errors.push(error));
  let found = -1;
  queue.open((count) => {
    found = count;
  });
  return { queue, found, errors };
}

const textsOf = (queue: ReturnType<typeof openQueue>['queue']) => queue.slice(0).map(({ text }) => text);
const files = () => readdirSync(dir).sort();

test('a process that comes later takes over what a dead one has left, in its numbers and its session', () => {
  const { queue } = openQueue(process(11));
  for (let n = 1; n <= 4; n++) queue.add(`{"n":${n}}`, 10);
  const { id } = queue.beginSession(() => 's1');
  queue.removeTo(3, true);
  dead.add(11);
  const later = openQueue(process(12));
  expect([later.found, textsOf(later.queue)]).toEqual([2, ['{"n":3}', '{"n":4}']]);
  expect([later.queue.head(), later.queue.tail()]).toEqual([3, 5]);
  expect(later.queue.beginSession(() => 's2').id).toBe(id);
  // The server has message 3, so event 3.
  expect(later.queue.resume(3)).toBe(true);
  expect(textsOf(later.queue)).toEqual(['{"n":4}']);
  expect(files()).toEqual([expect.stringMatching(/^12\.1000\./)]);
});

test('two that live do not share; of two that come, one gets it', () => {
  const { queue } = openQueue(process(21));
  queue.add('{"n":1}', 7);
  expect(openQueue(process(22)).found).toBe(0);
  // Another client of the same process.
  expect(openQueue(process(21)).found).toBe(0);
  dead.add(21);
  const [one, other] = [openQueue(process(23)), openQueue(process(24))];
  expect([one.found, other.found]).toEqual([1, 0]);
});

test('the same process id in a later life of a container, or after a restart of the machine, is another process', () => {
  openQueue(process(31, 1_000)).queue.add('{"n":1}', 7);
  expect(openQueue(process(31, 1_001)).found).toBe(0);
  expect(openQueue(process(31, 2_000)).found).toBe(1);
  // It lives, but it cannot be older than the machine.
  openQueue(process(32, 400)).queue.add('{"n":2}', 7);
  expect(openQueue(process(33)).found).toBe(1);
});

test('a line that was cut short was never promised; what stands before it is whole', () => {
  const { queue } = openQueue(process(41));
  for (let n = 1; n <= 3; n++) queue.add(`{"n":${n}}`, 7);
  const [name = ''] = files();
  const whole = readFileSync(join(dir, name), 'utf8');
  dead.add(41).add(42);
  for (let length = 0; length <= whole.length; length++) {
    rmSync(dir, { recursive: true });
    mkdirSync(dir);
    writeFileSync(join(dir, name), whole.slice(0, length));
    const { queue: later, errors } = openQueue(process(42));
    const lines = whole.slice(0, length).split('\n').slice(1, -1);
    expect([textsOf(later), errors]).toEqual([lines, []]);
  }
});

test('a line that was damaged costs itself and the session, not its neighbours', () => {
  const { queue } = openQueue(process(51));
  queue.beginSession(() => 's1');
  queue.add('{"n":1}', 7);
  const [name = ''] = files();
  appendFileSync(join(dir, name), '{"n":\u0000\n{"n":3}\n');
  dead.add(51);
  const later = openQueue(process(52));
  expect(textsOf(later.queue)).toEqual(['{"n":1}', '{"n":3}']);
  expect(later.queue.beginSession(() => 's2').id).toBe('s2');
});

test('files of several dead processes become one, and what stands in two of them is taken once', () => {
  openQueue(process(61)).queue.add('{"n":1}', 7);
  const { queue } = openQueue(process(62));
  queue.add('{"n":1}', 7);
  queue.add('{"n":2}', 7);
  dead.add(61).add(62);
  const later = openQueue(process(63));
  expect(textsOf(later.queue)).toEqual(['{"n":1}', '{"n":2}']);
  expect(files().length).toBe(1);
});

test('a file is written anew when most of it is done with', () => {
  const { queue } = openQueue(process(71));
  const text = JSON.stringify({ text: 'x'.repeat(10_000) });
  for (let n = 0; n < 300; n++) {
    queue.add(text, text.length);
    if (n >= 20) queue.removeTo(queue.head() + 1, true);
  }
  const [name = ''] = files();
  expect(readFileSync(join(dir, name)).length).toBeLessThan(1_500_000);
  dead.add(71);
  const later = openQueue(process(72));
  expect([later.found, later.queue.head()]).toEqual([20, 281]);
});

test('a client that is closed leaves its queue to the next one of its own process, or nothing', async () => {
  const { queue } = openQueue(process(81));
  queue.add('{"n":1}', 7);
  await queue.close();
  const next = openQueue(process(81));
  expect(next.found).toBe(1);
  next.queue.removeTo(2, true);
  await next.queue.close();
  expect(files()).toEqual([]);
});

test('a folder that is none costs persistence, not events', () => {
  const file = join(dir, 'file');
  writeFileSync(file, '');
  const errors: unknown[] = [];
  const queue = createQueue(fileStorage(file, process(91)), 10, 1_000, (error) => errors.push(error));
  queue.open(() => {});
  expect([queue.add('{}', 2), queue.isPersistent(), errors.length]).toEqual([true, false, 1]);
});

test('a disk that is full is told once it is, and the file is whole again when it is not', () => {
  // A limit on the size of files stands for the disk: writes stop in the middle of a line.
  const script = `
    import { createQueue } from '${new URL('../../dist/sdk/queue.js', import.meta.url)}';
    import { fileStorage } from '${new URL('../../dist/sdk/storage-file.js', import.meta.url)}';
    let nowMs = 0;
    const owner = { pid: 1, startSeconds: 1, bootSeconds: 0, isAlive: () => true, nowMs: () => nowMs, createId: () => 'a' };
    const errors = [];
    const queue = createQueue(fileStorage(${JSON.stringify(dir)}, owner), 1000, 1e6, (error) => errors.push(error.code));
    queue.open(() => {});
    const text = JSON.stringify({ text: 'x'.repeat(1000) });
    for (let n = 0; n < 20; n++) queue.add(text, text.length);
    queue.removeTo(19, true);
    nowMs += 6000;
    queue.add('{"n":1}', 7);
    console.log(JSON.stringify(errors));
  `;
  const run = spawnSync(
    'bash',
    ['-c', 'ulimit -f 10; exec "$0" --input-type=module -e "$1"', globalThis.process.execPath, script],
    {
      encoding: 'utf8',
    },
  );
  expect(run.stderr).toBe('');
  expect(JSON.parse(run.stdout)).toEqual(['EFBIG']);
  const later = openQueue(process(92));
  expect(textsOf(later.queue).length).toBe(3);
  expect(textsOf(later.queue).at(-1)).toBe('{"n":1}');
});

test('taking over is the same whatever was in memory', () => {
  const { queue } = openQueue(process(93));
  for (let n = 1; n <= 9; n++) queue.add(`{"n":${n}}`, 7);
  queue.drop(({ text }) => text.includes('3'));
  queue.removeTo(queue.head() + 2, false);
  const expected: StoredQueue['texts'] = textsOf(queue);
  const { head, tail } = { head: queue.head(), tail: queue.tail() };
  dead.add(93);
  const later = openQueue(process(94));
  expect([textsOf(later.queue), later.queue.head(), later.queue.tail()]).toEqual([expected, head, tail]);
});

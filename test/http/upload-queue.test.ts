import { beforeEach, expect, test } from 'vitest';
import { UploadQueue, type WaitingUpload } from '../../src/http/upload-queue.ts';
import { UPLOAD_WAIT_MS_MAX } from '../../src/limits.ts';

let nowMs: number;
let queue: UploadQueue;
let said: string[];
/** Uploads that may go on. */
let free: Set<string>;

beforeEach(() => {
  nowMs = 0;
  queue = new UploadQueue(100, { nowMs: () => nowMs, monotonicMs: () => nowMs });
  said = [];
  free = new Set();
});

function upload(name: string): WaitingUpload {
  return {
    goOn: () => {
      if (free.has(name)) said.push(`${name} goes on`);
      return free.has(name);
    },
    giveUp: () => said.push(`${name} gives up`),
  };
}

test('uploads go on in the order in which they came, none before one that cannot', () => {
  for (const name of ['a', 'b', 'c']) queue.enter(upload(name));
  free.add('b');
  queue.retry();
  expect(said).toEqual([]);
  free.add('a');
  queue.retry();
  expect(said).toEqual(['a goes on', 'b goes on']);
  expect(queue.count).toBe(1);
});

test('none waits longer than its time, and those behind it have theirs', () => {
  queue.enter(upload('a'));
  nowMs = 10;
  queue.enter(upload('b'));
  nowMs = UPLOAD_WAIT_MS_MAX;
  queue.retry();
  expect(said).toEqual(['a gives up']);
  nowMs = UPLOAD_WAIT_MS_MAX + 10;
  queue.retry();
  expect(said).toEqual(['a gives up', 'b gives up']);
  expect(queue.count).toBe(0);
});

test('what waits is bounded in bytes', () => {
  expect([queue.tryTake(60), queue.tryTake(41), queue.tryTake(40), queue.bytes]).toEqual([
    true,
    false,
    true,
    100,
  ]);
  queue.give(60);
  expect([queue.bytes, queue.tryTake(61), queue.tryTake(60)]).toEqual([40, false, true]);
});

test('it looks by itself whether there is memory', async () => {
  queue.enter(upload('a'));
  free.add('a');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(said).toEqual(['a goes on']);
});

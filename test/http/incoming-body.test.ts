import { beforeEach, expect, test } from 'vitest';
import { type BodyOwner, IncomingBody } from '../../src/http/incoming-body.ts';
import { UploadQueue } from '../../src/http/upload-queue.ts';
import { DROPPED_BYTES_MAX, UPLOAD_WAIT_MS_MAX } from '../../src/limits.ts';
import { MemoryBudget } from '../../src/slab/budget.ts';

const KiB = 1024;
const LIMIT = 40 * KiB;

let nowMs: number;
let uploads: MemoryBudget;
let uploadQueue: UploadQueue;
/** What the owner was told. */
let said: string[];

beforeEach(() => {
  nowMs = 0;
  uploads = new MemoryBudget(256 * KiB);
  uploadQueue = new UploadQueue(64 * KiB, { nowMs: () => nowMs, monotonicMs: () => nowMs });
  said = [];
});

function bodyOf(isReadToEnd: boolean): IncomingBody {
  const owner: BodyOwner = {
    pauseReading: () => said.push('pause'),
    resumeReading: () => said.push('resume'),
    bodyWhole: (body) => said.push(`whole ${body.length} ${body[0]} ${body.at(-1)}`),
    refuse: (reason, close) => {
      said.push(close ? `${reason}, closed` : reason);
      body.drop();
    },
  };
  const body = new IncomingBody({ uploads, uploadQueue, wireBytesMax: LIMIT }, owner, isReadToEnd);
  return body;
}

function expectNothingHeld(): void {
  expect([uploads.used(), uploadQueue.bytes]).toEqual([0, 0]);
}

test('pieces become one body', () => {
  const body = bodyOf(false);
  body.add(Buffer.alloc(10 * KiB, 1), false);
  body.add(Buffer.alloc(20 * KiB, 2), false);
  body.add(Buffer.alloc(5, 3), true);
  expect(said).toEqual([`whole ${30 * KiB + 5} 1 3`]);
  body.drop();
  expectNothingHeld();
});

test('over the limit its connection ends at once', () => {
  const body = bodyOf(false);
  body.add(Buffer.alloc(LIMIT), false);
  body.add(Buffer.alloc(1), false);
  expect(said).toEqual(['body_too_large, closed']);
  expectNothingHeld();
});

test('over the limit with the last piece there is nothing to cut off', () => {
  const body = bodyOf(false);
  body.add(Buffer.alloc(LIMIT), false);
  body.add(Buffer.alloc(1), true);
  expect(said).toEqual(['body_too_large']);
});

test('where an SDK must hear it, the rest is read and dropped, and holds no memory', () => {
  const body = bodyOf(true);
  for (let piece = 0; piece < 10; piece++) body.add(Buffer.alloc(LIMIT), false);
  expect(said).toEqual([]);
  expectNothingHeld();
  body.add(Buffer.alloc(1), true);
  expect(said).toEqual(['body_too_large']);
});

test('that has an end too', () => {
  const body = bodyOf(true);
  const piece = Buffer.alloc(LIMIT);
  for (let bytes = 0; bytes <= DROPPED_BYTES_MAX; bytes += LIMIT) body.add(piece, false);
  expect(said).toEqual([]);
  body.add(piece, false);
  expect(said).toEqual(['body_too_large, closed']);
});

test('without memory it waits, and goes on in order when there is some', () => {
  uploads.tryTake(256 * KiB);
  const body = bodyOf(false);
  body.add(Buffer.alloc(10 * KiB, 1), false);
  body.add(Buffer.alloc(10 * KiB, 2), true);
  uploadQueue.retry();
  expect(said).toEqual(['pause']);
  expect(uploadQueue.bytes).toBe(20 * KiB);
  uploads.give(256 * KiB);
  uploadQueue.retry();
  expect(said).toEqual(['pause', 'resume', `whole ${20 * KiB} 1 2`]);
  expect([uploadQueue.bytes, uploadQueue.count]).toEqual([0, 0]);
});

test.each([
  [false, ['pause', 'resume', 'body_too_large, closed']],
  [true, ['pause', 'resume']],
])('what waited may be over the limit (read to its end: %s)', (isReadToEnd, expected) => {
  uploads.tryTake(256 * KiB);
  const body = bodyOf(isReadToEnd);
  body.add(Buffer.alloc(LIMIT), false);
  body.add(Buffer.alloc(1), false);
  uploads.give(256 * KiB);
  uploadQueue.retry();
  expect(said).toEqual(expected);
  expectNothingHeld();
  expect(uploadQueue.count).toBe(0);
  body.drop();
});

test.each([
  [false, ['pause', 'resume', 'overloaded, closed'], []],
  [true, ['pause', 'resume'], ['overloaded']],
])('it does not wait for ever (read to its end: %s)', (isReadToEnd, atOnce, atItsEnd) => {
  uploads.tryTake(256 * KiB);
  const body = bodyOf(isReadToEnd);
  body.add(Buffer.alloc(10 * KiB), false);
  nowMs = UPLOAD_WAIT_MS_MAX;
  uploadQueue.retry();
  expect(said).toEqual(atOnce);
  expect([uploadQueue.bytes, uploadQueue.count]).toEqual([0, 0]);
  if (isReadToEnd) body.add(Buffer.alloc(10 * KiB), true);
  expect(said.slice(atOnce.length)).toEqual(atItsEnd);
});

test('where there is no room to wait it is refused', () => {
  uploads.tryTake(256 * KiB);
  uploadQueue.tryTake(60 * KiB);
  bodyOf(false).add(Buffer.alloc(10 * KiB), false);
  expect(said).toEqual(['overloaded, closed']);
  expect(uploadQueue.bytes).toBe(60 * KiB);
});

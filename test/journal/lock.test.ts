import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockDirectory } from '../../src/journal/lock.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** A process that holds the lock until it is killed. */
async function startHolder(path: string) {
  const script = join(dir, 'holder.mjs');
  const module = new URL('../../dist/src/journal/lock.js', import.meta.url).href;
  writeFileSync(
    script,
    `import { lockDirectory } from '${module}';
    process.send((await lockDirectory(process.argv[2])) !== undefined);
    setInterval(() => {}, 1000);`,
  );
  const child = fork(script, [path]);
  const [held] = await once(child, 'message');
  return { child, held: held as boolean };
}

test('a second holder is refused until the first lets go', async () => {
  const first = await lockDirectory(dir);
  expect(await lockDirectory(dir)).toBeUndefined();
  first?.release();
  const second = await lockDirectory(dir);
  expect(second).toBeDefined();
  second?.release();
  expect(readdirSync(dir)).toEqual([]);
});

test('of many that come together one gets it', async () => {
  const locks = await Promise.all(Array.from({ length: 20 }, () => lockDirectory(dir)));
  const held = locks.filter((lock) => lock !== undefined);
  expect(held.length).toBe(1);
  held[0]?.release();
});

test('the lock of a process that was killed is taken over at once', async () => {
  const path = join(dir, 'data');
  mkdirSync(path);
  const { child, held } = await startHolder(path);
  expect(held).toBe(true);
  expect(await lockDirectory(path)).toBeUndefined();
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await lockDirectory(path);
  expect(lock).toBeDefined();
  lock?.release();
});

test('a directory whose path is longer than a socket’s may be is locked too', async () => {
  const path = join(dir, 'x'.repeat(200));
  mkdirSync(path);
  const lock = await lockDirectory(path);
  expect(lock).toBeDefined();
  expect(await lockDirectory(path)).toBeUndefined();
  lock?.release();
});

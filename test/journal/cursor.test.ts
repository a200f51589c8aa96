import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Cursor, type CursorState } from '../../src/journal/cursor.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';

let dir: string;
let path: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'penstock-cursor-'));
  path = join(dir, 'embedded.cursor');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function state(row: number, blockEndRow = row): CursorState {
  return {
    delivered: { segment: '00000000000000000007-0123456789abcdef.seg', offset: 10 * row, row },
    blockEndRow,
  };
}

test('a new cursor has no state', async () => {
  expect((await Cursor.open(systemDisk, path)).state).toBeUndefined();
});

test('what was written last is read again', async () => {
  const cursor = await Cursor.open(systemDisk, path);
  for (let row = 0; row < 5; row++) cursor.write(state(row, row + 3));
  expect((await Cursor.open(systemDisk, path)).state).toEqual(state(4, 7));
});

test('rows beyond 2^32 keep their number', async () => {
  (await Cursor.open(systemDisk, path)).write(state(2 ** 40 + 5));
  expect((await Cursor.open(systemDisk, path)).state).toEqual(state(2 ** 40 + 5));
});

test('a write torn or damaged at any byte leaves the state before it', async () => {
  const cursor = await Cursor.open(systemDisk, path);
  cursor.write(state(1));
  cursor.write(state(2));
  const before = readFileSync(path);
  cursor.write(state(3));
  const after = readFileSync(path);
  for (let at = 128; at < 256; at++) {
    const torn = Buffer.concat([after.subarray(0, at), before.subarray(at)]);
    const isWhole = torn.equals(after);
    const isUntouched = torn.equals(before);
    writeFileSync(path, torn);
    const found = (await Cursor.open(systemDisk, path)).state?.delivered.row;
    expect(found, `torn at ${at}`).toBe(isWhole ? 3 : isUntouched ? 2 : 2);
  }
});

/** The door to C++: what contradicts itself is refused before a byte is read, whatever is passed. */
import { expect, test } from 'vitest';
import { createFindings } from '../../src/dedup/findings.ts';
import { createWindowMemory, WindowWord, windowBytes } from '../../src/dedup/layout.ts';
import { RECORD_WORDS, RecordWord } from '../../src/scan/contract.ts';
import { KEY, lineOf, NO_SUFFIX, outputOf, WINDOWS } from './harness.ts';

const find = (memory: SharedArrayBuffer, output = outputOf([lineOf('a'), lineOf('b')])) =>
  WINDOWS.native(memory).find(output, NO_SUFFIX, 1, createFindings());

test('records that point out of the lines, and more of them than there are', () => {
  const memory = createWindowMemory(10, 1_000, KEY);
  for (const [word, value] of [
    [RecordWord.lineOffset, 0xffff_fff0],
    [RecordWord.lineLength, 0xffff_fff0],
    [RecordWord.lineLength, 1_000_000],
  ] as const) {
    const output = outputOf([lineOf('a'), lineOf('b')]);
    output.records[RECORD_WORDS + word] = value;
    expect(() => find(memory, output)).toThrow();
  }
  const output = outputOf([lineOf('a')]);
  output.recordCount = 2;
  expect(() => find(memory, output)).toThrow();
});

test('memory that is no window, or smaller than its header says', () => {
  expect(() => find(new SharedArrayBuffer(8))).toThrow();
  expect(() => find(new SharedArrayBuffer(windowBytes(10)))).toThrow();
  const memory = createWindowMemory(10, 1_000, KEY);
  const words = new BigUint64Array(memory);
  words[WindowWord.groups] = (words[WindowWord.groups] ?? 0n) + 1n;
  expect(() => find(memory)).toThrow();
  expect(() => WINDOWS.native(memory).rememberLines(Buffer.from(lineOf('a')), 1)).toThrow();
  expect(() => WINDOWS.native(memory).remember(new BigUint64Array(2), 1, 1)).toThrow();
});

test('more ids than are passed', () => {
  const window = WINDOWS.native(createWindowMemory(10, 1_000, KEY));
  expect(() => window.remember(new BigUint64Array(2), 2, 1)).toThrow();
});

test('lines that are cut anywhere, and bytes that are no lines, are passed over', () => {
  const line = Buffer.from(lineOf('grö\\u00dfe"', 'a"b'));
  for (const open of [WINDOWS.native, WINDOWS.reference]) {
    const window = open(createWindowMemory(1_000, 1_000, KEY));
    const counts: number[] = [];
    for (let end = 0; end <= line.length; end++) counts.push(window.rememberLines(line.subarray(0, end), 1));
    expect(counts[0]).toBe(0);
    expect(counts.at(-1)).toBe(1);
    expect(window.rememberLines(Buffer.alloc(1_000, '{"event_id":"\\'), 1)).toBe(0);
    expect(window.rememberLines(Buffer.alloc(100, '\n'), 1)).toBe(0);
    const escaped = Buffer.from(`{"event_id":"${'\\u00'.repeat(5)}","app_id":"\\q"}\n`);
    expect(window.rememberLines(escaped, 1)).toBe(0);
  }
});

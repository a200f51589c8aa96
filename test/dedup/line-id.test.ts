/** The hash of ids against the vectors of its authors, and what counts as the same id. */
import { expect, test } from 'vitest';
import { createLineId, LineIdKind, readLineId, sipHash128 } from '../../src/dedup/line-id.ts';
import { createUuidSource, uuidSuffix, writeUuid } from '../../src/scan/uuid.ts';
import { KEY, lineOf, NO_SUFFIX } from './harness.ts';

const key = new Uint32Array(KEY.buffer);

function idOf(line: string, suffix: Uint8Array = NO_SUFFIX): bigint[] | LineIdKind {
  const bytes = Buffer.from(line);
  const id = createLineId();
  const kind = readLineId(key, bytes, 0, bytes.length, suffix, id);
  return kind === LineIdKind.known ? [...id.pair] : kind;
}

test('the same texts are the same id, however they are spelt; nothing else is', () => {
  const plain = idOf(lineOf('größe', 'shop'));
  expect(idOf(lineOf('größe').replace('ö', '\\u00f6'))).toEqual(plain);
  expect(idOf(lineOf('größe').replace('"event_type":"t"', '"event_type":"\\"app_id\\":"'))).toEqual(plain);
  const others = [lineOf('größe', 'shop2'), lineOf('größes', 'hop'), lineOf('größ'), lineOf('größe', '')];
  const ids = new Set([...others.map((line) => idOf(line)), plain].map(String));
  expect(ids.size).toBe(5);
});

test('ids of the scanner’s own are told from others', () => {
  const source = createUuidSource(() => 0x1234_5678);
  const made = Buffer.alloc(36);
  writeUuid(source, 1_700_000_000_000, made, 0);
  const suffix = uuidSuffix(source);
  expect(idOf(lineOf(made.toString()), suffix)).toBe(LineIdKind.made);
  const other = { ...source, nodeLow: 1 };
  writeUuid(other, 1_700_000_000_000, made, 0);
  expect(Array.isArray(idOf(lineOf(made.toString()), suffix))).toBe(true);
});

test('what is no canonical line has no id', () => {
  for (const line of [
    '',
    '{}\n',
    '{"event_type":"t"}\n',
    '{"event_id":"a',
    `{"event_id":"${'a'.repeat(769)}"`,
  ])
    expect(idOf(line), line).toBe(LineIdKind.unreadable);
});

test('SipHash with 1 and 3 rounds and 128 bits gives what others compute', () => {
  // From the authors' siphash.c with cROUNDS 1 and dROUNDS 3, which with 2 and 4 gives their published vectors; key 00 … 0f,
  // messages 00, 01 … of these lengths.
  const message = Buffer.from(Array.from({ length: 64 }, (_, index) => index));
  const words = new Uint32Array(4);
  const hashes = [0, 1, 7, 8, 9, 63].map((length) => {
    sipHash128(key, message, length, words);
    return Buffer.from(words.buffer).toString('hex');
  });
  expect(hashes).toEqual([
    'e77ebcb22788a5befd62db6add303001',
    'fc6f370460d3eda85e0573cc2b2ff063',
    '1084b923f2aae0c3a62f2ec80848ab77',
    'aa12fee1d5e3dab4724f16ab35f9c799',
    '81ddb8042cf33994f4720e0094137c42',
    '4c5800e34efe426f079f6b0aa75260ad',
  ]);
});

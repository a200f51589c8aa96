/** Batches made record by record, and cut, as kafkajs reads them. */
import { expect, test } from 'vitest';
import {
  composeBatch,
  composeRecord,
  firstValue,
  splitBatch,
} from '../../../src/sinks/kafka/compose-batch.ts';
import { NO_PRODUCER, sealBatch } from '../../../src/sinks/kafka/record-batch.ts';
import { encode, linesOf, lineWith } from './batch-harness.ts';
import { decodeBatch, encodeAgain } from './kafkajs-batches.ts';

const RECORDS = [5000, 4000, 9000, 4500, 4400].map((timestampMs, index) =>
  composeRecord(timestampMs, Buffer.from(`value ${index}`), [
    ['reason', Buffer.from('invalid_type')],
    ['größe', Buffer.from(`${index}`)],
  ]),
);

test('each record has its value, headers and time, and no key', async () => {
  const batch = composeBatch(RECORDS);
  const { records, maxTimestamp, firstTimestamp, lastOffsetDelta } = await decodeBatch(batch);
  expect([firstTimestamp, maxTimestamp, lastOffsetDelta]).toEqual(['5000', '9000', 4]);
  expect(records.map(({ timestamp, key, value }) => [timestamp, key, value.toString()])).toEqual([
    ['5000', null, 'value 0'],
    ['4000', null, 'value 1'],
    ['9000', null, 'value 2'],
    ['4500', null, 'value 3'],
    ['4400', null, 'value 4'],
  ]);
  expect(String(records[3]?.headers['größe'])).toBe('3');
});

test('sealed it is what kafkajs writes of what it read', async () => {
  const batch = composeBatch(RECORDS);
  sealBatch(batch, NO_PRODUCER);
  expect((await encodeAgain(await decodeBatch(batch))).equals(batch)).toBe(true);
});

test('halves hold the records of the whole, in order', async () => {
  const [first, second] = splitBatch(composeBatch(RECORDS));
  const values = async (batch: Buffer) =>
    (await decodeBatch(batch)).records.map(({ value }) => String(value));
  expect(await values(first)).toEqual(['value 0', 'value 1', 'value 2']);
  expect(await values(second)).toEqual(['value 3', 'value 4']);
  expect((await decodeBatch(second)).maxTimestamp).toBe('4500');
  expect(firstValue(second).toString()).toBe('value 3');
});

test('batches of the encoders are cut down to single records, which keep everything', async () => {
  const lines = Array.from({ length: 7 }, (_, n) =>
    lineWith(`id-${n}`, ',"device_id":"d"', `2025-06-09T12:30:1${n}.250Z`),
  );
  const [whole] = (await encode(linesOf(...lines))).batches;
  if (whole === undefined) throw new Error('no batch');
  const singles: Buffer[] = [];
  const waiting: Buffer[] = [Buffer.from(whole.bytes)];
  for (let batch = waiting.shift(); batch !== undefined; batch = waiting.shift()) {
    if (batch.readInt32BE(57) === 1) singles.push(batch);
    else waiting.unshift(...splitBatch(batch));
  }
  expect(singles.map((single) => `${firstValue(single)}\n`)).toEqual(lines);
  for (const [index, single] of singles.entries()) {
    const [record] = (await decodeBatch(single)).records;
    const { timestamp, key, value, headers } = whole.records[index] as (typeof whole.records)[number];
    expect(record).toMatchObject({ timestamp, key, value, headers, offset: '0' });
  }
});

/** Produce requests, byte by byte as kafkajs writes them. */
import { createRequire } from 'node:module';
import { expect, test } from 'vitest';
import {
  encodeProduceRequest,
  encodeRequestHead,
  PRODUCE_KEY,
  PRODUCE_VERSION,
} from '../../../src/sinks/kafka/produce-request.ts';

const require = createRequire(import.meta.url);
interface Writer {
  readonly buffer: Buffer;
  writeInt16(value: number): Writer;
  writeInt32(value: number): Writer;
  writeString(text: string | null): Writer;
  writeBuffer(bytes: Buffer): Writer;
  writeArray(items: readonly Writer[]): Writer;
}
const KafkajsEncoder = require('kafkajs/src/protocol/encoder') as new () => Writer;
const createKafkajsRequest = require('kafkajs/src/protocol/request') as (request: object) => Promise<Writer>;

const BATCHES = [
  { topic: 'events', partition: 3, bytes: Buffer.from('first') },
  { topic: 'größe', partition: 0, bytes: Buffer.from('second batch') },
  { topic: 'events', partition: 0, bytes: Buffer.alloc(100_000, 7) },
];

test('head and body are those of kafkajs’ encoder', async () => {
  const body = encodeProduceRequest({ acks: -1, timeoutMs: 30_000 }, BATCHES);
  const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
  const head = encodeRequestHead(PRODUCE_KEY, PRODUCE_VERSION, 42, 'penstock-ö', bodyBytes);
  const writer = () => new KafkajsEncoder();
  const partition = (index: number) => {
    const { partition: id, bytes } = BATCHES[index] as (typeof BATCHES)[number];
    return writer().writeInt32(id).writeInt32(bytes.length).writeBuffer(bytes);
  };
  const encode = async () =>
    writer()
      .writeString(null)
      .writeInt16(-1)
      .writeInt32(30_000)
      .writeArray([
        writer()
          .writeString('events')
          .writeArray([partition(0), partition(2)]),
        writer()
          .writeString('größe')
          .writeArray([partition(1)]),
      ]);
  const request = { apiKey: PRODUCE_KEY, apiVersion: PRODUCE_VERSION, encode };
  const expected = await createKafkajsRequest({ correlationId: 42, clientId: 'penstock-ö', request });
  expect(Buffer.concat([head, ...body]).equals(expected.buffer)).toBe(true);
});

test('batches are not copied', () => {
  const body = encodeProduceRequest({ acks: 1, timeoutMs: 1 }, BATCHES);
  for (const { bytes } of BATCHES) expect(body).toContain(bytes);
});

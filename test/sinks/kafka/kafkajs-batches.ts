/** Record batches as kafkajs reads and writes them: its own modules, which it does not export but ships. */
import { createRequire } from 'node:module';
import type { Codec } from '../../../src/sinks/kafka/codecs.ts';

const require = createRequire(import.meta.url);

export interface DecodedRecord {
  readonly offset: string;
  readonly timestamp: string;
  readonly attributes: number;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Record<string, Buffer | Buffer[]>;
}

export interface DecodedBatch {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  readonly partitionLeaderEpoch: number;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly timestampType: number;
  readonly records: DecodedRecord[];
}

interface KafkajsEncoder {
  readonly buffer: Buffer;
}

type KafkajsCodec = () => {
  compress(encoder: KafkajsEncoder): Promise<Buffer>;
  decompress(bytes: Buffer): Promise<Buffer>;
};

const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (
  decoder: object,
) => Promise<DecodedBatch>;
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as {
  RecordBatch(batch: object): Promise<KafkajsEncoder>;
};
const Record = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => KafkajsEncoder;
const { Codecs } = require('kafkajs/src/protocol/message/compression') as {
  Codecs: { [id: number]: KafkajsCodec };
};

/** kafkajs' CRC-32C, which its decoder does not check. */
export const kafkajsCrc32c = require('kafkajs/src/protocol/recordBatch/crc32C') as (bytes: Buffer) => number;
/** kafkajs' port of Java's murmur2, signed. */
export const kafkajsMurmur2 = require('kafkajs/src/producer/partitioners/default/murmur2') as (
  key: Buffer,
) => number;
/** The codec that kafkajs' users register for snappy; it reads both framings. */
export const kafkajsSnappy = require('kafkajs-snappy') as KafkajsCodec;

/** The batch as a consumer sees it. */
export function decodeBatch(batch: Buffer): Promise<DecodedBatch> {
  return decode(new Decoder(batch));
}

/** Lets kafkajs compress and decompress by `codec`, as an application registers it in CompressionCodecs. */
export function registerCodec(codec: Codec): void {
  Codecs[codec.id] = () => ({
    compress: async (encoder) => codec.compress(encoder.buffer),
    decompress: async (bytes) => codec.decompress(bytes),
  });
}

/** Lets kafkajs take a codec of its own kind. */
export function registerKafkajsCodec(id: number, codec: KafkajsCodec): void {
  Codecs[id] = codec;
}

/** What kafkajs writes for what it has read: the batch again, under `compression`. */
export async function encodeAgain(batch: DecodedBatch, compression = 0): Promise<Buffer> {
  const encoded = await RecordBatch({
    compression,
    firstTimestamp: batch.firstTimestamp,
    maxTimestamp: batch.maxTimestamp,
    partitionLeaderEpoch: batch.partitionLeaderEpoch,
    lastOffsetDelta: batch.lastOffsetDelta,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    firstSequence: batch.firstSequence,
    records: batch.records.map((record, offsetDelta) =>
      Record({
        offsetDelta,
        timestampDelta: Number(record.timestamp) - Number(batch.firstTimestamp),
        key: record.key,
        value: record.value,
        headers: record.headers,
      }),
    ),
  });
  return encoded.buffer;
}

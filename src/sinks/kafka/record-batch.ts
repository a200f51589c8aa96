/** The door of Kafka record batches: an encoder, headers for it, and the seal of a batch. batch-contract.ts says what comes out. */
import { assert } from '../../assert.ts';
import { crc32c } from '../../crc32c.ts';
import {
  KAFKA_BATCH_BYTES_MAX,
  KAFKA_BATCH_RECORDS_MAX,
  KAFKA_CALL_RECORDS_MAX,
  KAFKA_HEADERS_BYTES_MAX,
  KAFKA_OUTPUT_BYTES_MAX,
  KAFKA_PARTITIONS_MAX,
  LINES_BYTES_MAX,
} from '../../limits.ts';
import {
  BATCH_WORDS,
  type BatchEncoder,
  BatchField,
  type BatchHeaders,
  type BatchOptions,
  type BatchOutput,
  BatchWord,
  SCANNED_KEY_COLUMNS,
} from './batch-contract.ts';
import { createNativeBatchEncoder } from './batch-native.ts';
import { createReferenceBatchEncoder } from './batch-reference.ts';
import { textBytes, writeText } from './varint.ts';

/** `auto` takes the fastest of this machine; `native` must be there; `reference` never asks. */
export type BatchEncoderChoice = 'auto' | 'native' | 'reference';

/** What a sink takes unless its configuration says otherwise. */
export const BATCH_OPTIONS: BatchOptions = {
  keyColumns: SCANNED_KEY_COLUMNS,
  batchBytesMax: KAFKA_BATCH_BYTES_MAX,
  batchRecordsMax: KAFKA_BATCH_RECORDS_MAX,
  outputBytesMax: KAFKA_OUTPUT_BYTES_MAX,
  callRecordsMax: KAFKA_CALL_RECORDS_MAX,
};

/** No headers beside a record's own. */
export const NO_HEADERS: BatchHeaders = { count: 0, bytes: new Uint8Array(0) };

/** An encoder for one thread. Throws where `native` is asked for and not there. */
export function createBatchEncoder(options: BatchOptions, choice: BatchEncoderChoice): BatchEncoder {
  assert(options.batchBytesMax <= options.outputBytesMax, 'a record batch fits what one call gives');
  assert(options.batchRecordsMax > 0 && options.callRecordsMax > 0, 'a batch and a call take a record');
  assert(new Set(options.keyColumns).size === options.keyColumns.length, 'a column stands in the key once');
  const native = choice === 'reference' ? undefined : createNativeBatchEncoder(options);
  if (native === undefined && choice === 'native') {
    throw new Error(
      'the native encoder of record batches is not built, or of another build; run npm run build',
    );
  }
  return guard(native ?? createReferenceBatchEncoder(options));
}

/** What a caller must hold, checked once for both encoders. */
function guard(encoder: BatchEncoder): BatchEncoder {
  return {
    name: encoder.name,
    encode(source, target, output): void {
      const { partitionCount, nullKeyPartition, headers } = target;
      assert(partitionCount >= 1 && partitionCount <= KAFKA_PARTITIONS_MAX, 'a topic has partitions');
      assert(nullKeyPartition >= 0 && nullKeyPartition < partitionCount, 'null keys go to a partition');
      assert(headers.bytes.length <= KAFKA_HEADERS_BYTES_MAX, 'headers are within their bound');
      assert(source.lineBytes <= source.lines.length, 'lines are within their buffer');
      assert(source.lineBytes <= LINES_BYTES_MAX, 'lines are no longer than a slab’s');
      assert(source.next >= 0, 'a source has a next line');
      encoder.encode(source, target, output);
    },
  };
}

/** Headers as records carry them. COPY. Throws AssertionError over KAFKA_HEADERS_BYTES_MAX. */
export function encodeHeaders(headers: readonly (readonly [name: string, value: string])[]): BatchHeaders {
  const texts = headers.flat().map((text) => Buffer.from(text));
  const length = texts.reduce((sum, text) => sum + textBytes(text), 0);
  assert(length <= KAFKA_HEADERS_BYTES_MAX, 'headers are within their bound');
  const bytes = new Uint8Array(length);
  texts.reduce((at, text) => writeText(text, bytes, at), 0);
  return { count: headers.length, bytes };
}

/** A VIEW of batch `index`, valid as long as the output. */
export function batchAt(output: BatchOutput, index: number): Buffer {
  assert(index >= 0 && index < output.batchCount, 'the batch is there');
  const row = index * BATCH_WORDS;
  const [offset = 0, length = 0] = output.batches.subarray(
    row + BatchWord.offset,
    row + BatchWord.offset + 2,
  );
  return output.bytes.subarray(offset, offset + length);
}

/** Who sends a batch, for the broker's check of repeats (KIP-98). */
export interface BatchProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** Sequence of the batch's first record in its partition, from 0 to 2^31 - 1. */
  readonly baseSequence: number;
}

/** A producer without idempotence. */
export const NO_PRODUCER: BatchProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };

/**
 * Writes producer and CRC into the header of one whole batch, compressed or not, in place. It may be sealed again, for
 * another epoch or sequence: the CRC covers them, so all of it is read anew, ~0.1 ms a MiB by the addon.
 */
export function sealBatch(batch: Buffer, producer: BatchProducer): void {
  batch.writeBigInt64BE(producer.producerId, BatchField.producerId);
  batch.writeInt16BE(producer.producerEpoch, BatchField.producerEpoch);
  batch.writeInt32BE(producer.baseSequence, BatchField.baseSequence);
  batch.writeUInt32BE(crc32c(batch.subarray(BatchField.attributes), 0), BatchField.crc);
}

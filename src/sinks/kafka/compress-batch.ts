// Hot path: once a batch.
/** A record batch with its records compressed: everything behind the count of records, which stays readable. */
import { assert } from '../../assert.ts';
import { BATCH_HEADER_BYTES, BATCH_LENGTH_END, BatchField } from './batch-contract.ts';
import type { Codec } from './codecs.ts';

/**
 * The batch compressed, to be sealed: COPY. The VIEW that was given, unchanged, when compression would make it longer
 * or the codec is `none`; each batch says itself how it is compressed.
 */
export function compressBatch(batch: Buffer, codec: Codec): Buffer {
  assert(batch.readInt16BE(BatchField.attributes) === 0, 'a batch is compressed once');
  if (codec.id === 0) return batch;
  const records = codec.compress(batch.subarray(BATCH_HEADER_BYTES));
  const length = BATCH_HEADER_BYTES + records.length;
  if (length >= batch.length) return batch;
  const compressed = Buffer.allocUnsafeSlow(length);
  batch.copy(compressed, 0, 0, BATCH_HEADER_BYTES);
  records.copy(compressed, BATCH_HEADER_BYTES);
  compressed.writeInt32BE(length - BATCH_LENGTH_END, BatchField.batchLength);
  compressed.writeInt16BE(codec.id, BatchField.attributes);
  return compressed;
}

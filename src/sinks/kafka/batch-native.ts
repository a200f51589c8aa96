// Hot path: once a slab.
/** The binding of the native encoder (native/kafka/), which gives the bytes of the reference. */
import { assert } from '../../assert.ts';
import { loadNativeAddon } from '../../native-addon.ts';
import {
  type BatchEncoder,
  type BatchOptions,
  type BatchOutput,
  type BatchSource,
  type BatchTarget,
  HEAD_COLUMNS,
  openBatchOutput,
} from './batch-contract.ts';
import { hasRecordHash } from './batch-reference.ts';

interface Addon {
  createBatches(setup: Uint32Array): object | undefined;
  planBatches(
    encoder: object,
    counts: Float64Array,
    lines: Uint8Array,
    records: Uint32Array,
    headers: Uint8Array,
  ): boolean;
  writeBatches(
    encoder: object,
    lines: Uint8Array,
    headers: Uint8Array,
    bytes: Uint8Array,
    batches: Uint32Array,
    refusals: Uint32Array,
  ): boolean;
}

const NO_RECORDS = new Uint32Array(0);

const addon = loadNativeAddon<Addon>();

/** A native encoder for one thread, or undefined when the addon is not there or of another build. */
export function createNativeBatchEncoder(options: BatchOptions): BatchEncoder | undefined {
  const handle = addon?.createBatches(encodeSetup(options));
  if (addon === undefined || handle === undefined) return undefined;
  const { planBatches, writeBatches } = addon;
  const counts = new Float64Array(6);
  return {
    name: 'native',
    encode(source: BatchSource, target: BatchTarget, output: BatchOutput): void {
      const { lines, records = NO_RECORDS } = source;
      const headers = target.headers.bytes;
      counts[0] = source.lineBytes;
      counts[1] = source.records === undefined ? -1 : source.recordCount;
      counts[2] = source.next;
      counts[3] = target.partitionCount;
      counts[4] = target.nullKeyPartition;
      counts[5] = target.headers.count;
      assert(planBatches(handle, counts, lines, records, headers), 'a record’s line lies within the lines');
      source.next = counts[0]!;
      output.recordCount = counts[1]!;
      openBatchOutput(output, counts[4]!, counts[2]!, counts[3]!);
      const isWritten = writeBatches(handle, lines, headers, output.bytes, output.batches, output.refusals);
      assert(isWritten, 'the output has room for what was planned');
    },
  };
}

/** The words of `BatchSetup` in native/kafka/batch-plan.h. */
function encodeSetup(options: BatchOptions): Uint32Array {
  const words = new Uint32Array(6 + HEAD_COLUMNS.length);
  words.set([
    options.batchBytesMax,
    options.batchRecordsMax,
    options.outputBytesMax,
    options.callRecordsMax,
    hasRecordHash(options) ? 1 : 0,
    options.keyColumns.length,
    ...options.keyColumns.map((name) => HEAD_COLUMNS.indexOf(name)),
  ]);
  return words;
}

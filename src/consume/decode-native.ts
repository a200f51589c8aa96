/** The binding of the native decoder (native/kafka/decode.h), which gives what the reference gives. */
import { loadNativeAddon } from '../native-addon.ts';
import { openLineOutput, type RecordDecoder } from './decode-contract.ts';
import { createReferenceDecoder } from './decode-reference.ts';

interface Addon {
  decodeRecords(counts: Float64Array, records: Uint8Array, lines: Uint8Array, strays: Uint32Array): boolean;
}

const addon = loadNativeAddon<Partial<Addon>>();

/** A native decoder, or undefined where the addon is not built. */
export function createNativeDecoder(): RecordDecoder | undefined {
  const decodeRecords = addon?.decodeRecords;
  if (decodeRecords === undefined) return undefined;
  const counts = new Float64Array(3);
  return {
    name: 'native',
    decode(source, output) {
      if (!openLineOutput(source, output)) return false;
      counts[0] = source.recordCount;
      counts[1] = source.fromDelta;
      counts[2] = source.toDelta;
      const isWhole = decodeRecords(counts, source.records, output.lines, output.strays);
      [output.lineBytes = 0, output.lineCount = 0, output.strayCount = 0] = counts;
      return isWhole;
    },
  };
}

/** The fastest decoder of this machine. */
export function createDecoder(): RecordDecoder {
  return createNativeDecoder() ?? createReferenceDecoder();
}

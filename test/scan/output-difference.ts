/** Everything that a scan gives, compared word by word and byte by byte. */
import { ERROR_WORDS, RECORD_WORDS, type ScanOutput } from '../../src/scan/contract.ts';
import type { UuidSource } from '../../src/scan/uuid.ts';

export interface ScanTrace {
  /** Words of the slab, with the verdicts. */
  readonly words: Uint32Array;
  readonly output: ScanOutput;
  readonly ids: UuidSource;
}

/** The first place where two scans of the same slab differ, or undefined. */
export function outputDifference(left: ScanTrace, right: ScanTrace): string | undefined {
  const a = left.output;
  const b = right.output;
  return (
    firstDifference('verdict word', left.words, right.words) ??
    firstDifference('error word', errorsOf(a), errorsOf(b)) ??
    firstDifference('line byte', a.lines.subarray(0, a.lineBytes), b.lines.subarray(0, b.lineBytes)) ??
    firstDifference('record word', recordsOf(a), recordsOf(b)) ??
    firstDifference('surrogates', [a.surrogatesReplaced], [b.surrogatesReplaced]) ??
    firstDifference('id counter', [left.ids.counter], [right.ids.counter])
  );
}

function recordsOf(output: ScanOutput): Uint32Array {
  return output.records.subarray(0, output.recordCount * RECORD_WORDS);
}

function errorsOf(output: ScanOutput): Uint32Array {
  return output.errors.subarray(0, output.errorCount * ERROR_WORDS);
}

type Row = Uint32Array | Uint8Array | readonly number[];

function firstDifference(what: string, left: Row, right: Row): string | undefined {
  if (!Array.isArray(left) && !Array.isArray(right)) {
    if (Buffer.compare(bytesOf(left as Uint8Array), bytesOf(right as Uint8Array)) === 0) return undefined;
  }
  const length = Math.max(left.length, right.length);
  for (let index = 0; index < length; index++) {
    if (left[index] !== right[index]) return `${what} ${index}: ${left[index]} and ${right[index]}`;
  }
  return undefined;
}

function bytesOf(row: ArrayBufferView): Buffer {
  return Buffer.from(row.buffer, row.byteOffset, row.byteLength);
}

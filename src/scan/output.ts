/** The output of a scan as both scanners open it. */
import { SCAN_BUFFER_KEEP_BYTES } from '../limits.ts';
import { createScanOutput, ERROR_WORDS, RECORD_WORDS, type ScanOutput } from './contract.ts';

/** Empties the output, and gives back what one large slab has grown when the last one needed little of it. */
export function openOutput(output: ScanOutput): void {
  if (isOversized(output.lines.length, output.lineBytes)) output.lines = createScanOutput().lines;
  if (isOversized(output.records.byteLength, output.recordCount * RECORD_WORDS * 4)) {
    output.records = createScanOutput().records;
  }
  if (isOversized(output.errors.byteLength, output.errorCount * ERROR_WORDS * 4)) {
    output.errors = createScanOutput().errors;
  }
  output.lineBytes = 0;
  output.recordCount = 0;
  output.errorCount = 0;
  output.surrogatesReplaced = 0;
}

function isOversized(capacityBytes: number, usedBytes: number): boolean {
  return capacityBytes > SCAN_BUFFER_KEEP_BYTES && usedBytes * 4 < capacityBytes;
}

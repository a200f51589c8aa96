// Hot path: runs for every event where the addon is not built.
/** Ids of a slab as all processes spell them: the twin of native/dedup/shared.h. */
import { RECORD_WORDS, RecordWord, type ScanOutput } from '../scan/contract.ts';
import { type Findings, SHARED_ID_BYTES } from './findings.ts';
import { createLineId, LineIdKind, readLineId } from './line-id.ts';

const id = createLineId();
const idBytes = new Uint8Array(id.words.buffer, 0, SHARED_ID_BYTES);

/** As DedupWindow.writeSharedIds says. */
export function writeSharedIds(
  key: BigUint64Array,
  output: ScanOutput,
  madeSuffix: Uint8Array,
  { repeats, repeatCount }: Findings,
  target: Uint8Array,
): number {
  const keyWords = new Uint32Array(key.buffer, key.byteOffset, 4);
  const { lines, records, recordCount } = output;
  let next = 0;
  let count = 0;
  for (let row = 0; row < recordCount; row++) {
    if (next < repeatCount && repeats[next] === row) {
      next += 1;
      continue;
    }
    const start = records[row * RECORD_WORDS + RecordWord.lineOffset]!;
    const end = start + records[row * RECORD_WORDS + RecordWord.lineLength]!;
    if (readLineId(keyWords, lines, start, end, madeSuffix, id) !== LineIdKind.known) continue;
    target.set(idBytes, count * SHARED_ID_BYTES);
    count += 1;
  }
  return count;
}

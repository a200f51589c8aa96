/** The decoder in TypeScript: the specification of native/kafka/decode.h, and what serves where that is not built. */
import { createLineFields, readLineFields } from '../sinks/kafka/line-fields.ts';
import {
  type LineOutput,
  openLineOutput,
  type RecordDecoder,
  type RecordSource,
  STRAY_WORDS,
  StrayReason,
  StrayWord,
} from './decode-contract.ts';
import { eachRecord, type PlainRecord } from './record-reader.ts';

const NEWLINE = 0x0a;

/** A decoder for one thread. */
export function createReferenceDecoder(): RecordDecoder {
  const fields = createLineFields();

  /** Why the value is no line; undefined when it is one, and then it stands at the end of the output. */
  function takeValue(value: Buffer | undefined, output: LineOutput): number | undefined {
    if (value === undefined) return StrayReason.tombstone;
    if (value.includes(NEWLINE)) return StrayReason.notCanonical;
    const from = output.lineBytes;
    const end = from + value.length + 1;
    output.lines.set(value, from);
    output.lines[end - 1] = NEWLINE;
    if (!readLineFields(output.lines, from, end, fields)) return StrayReason.notCanonical;
    output.lineBytes = end;
    output.lineCount += 1;
    return undefined;
  }

  function takeRecord(source: RecordSource, output: LineOutput, record: PlainRecord, index: number): void {
    if (record.offsetDelta < source.fromDelta || record.offsetDelta >= source.toDelta) return;
    const reason = takeValue(record.value, output);
    if (reason === undefined) return;
    const row = output.strayCount * STRAY_WORDS;
    output.strays[row + StrayWord.recordIndex] = index;
    output.strays[row + StrayWord.reason] = reason;
    output.strayCount += 1;
  }

  return {
    name: 'reference',
    decode(source, output) {
      if (!openLineOutput(source, output)) return false;
      try {
        eachRecord(source.records, source.recordCount, (record, index) =>
          takeRecord(source, output, record, index),
        );
        return true;
      } catch (error) {
        if (error instanceof RangeError) return false;
        throw error;
      }
    },
  };
}

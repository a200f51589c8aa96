/** Canonical lines of the medium corpus without end: the same events again and again, under ids of their own. */
import { ROUTES } from '../src/dialects/routes.ts';
import { createScanOutput, RECORD_WORDS, RecordWord } from '../src/scan/contract.ts';
import { createScanner } from '../src/scan/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import { createCorpus, createRandom } from './corpus.ts';
import { createSlab } from './scan-fixture.ts';

const TEMPLATE_BATCHES = 40;
const BATCH_EVENTS = 1000;
/** Of an id's 36 bytes, behind `{"event_id":"`. */
const ID_DIGITS = 12;
const ID_START = '{"event_id":"'.length;

export interface Lines {
  /** VIEW until the next call. */
  readonly bytes: Buffer;
  readonly rows: number;
}

/** Each call gives whole lines of together at most `bytesMax`, no id twice. */
export function createLineSource(): (bytesMax: number) => Lines {
  const { lines, offsets } = scanTemplate();
  let row = 0;
  let lastId = 0;
  return (bytesMax) => {
    if (row === offsets.length - 1) row = 0;
    const first = row;
    const start = offsets[first] ?? 0;
    while (row < offsets.length - 1 && (offsets[row + 1] ?? 0) - start <= bytesMax) {
      lines.write(String(lastId++).padStart(ID_DIGITS, '0'), (offsets[row] ?? 0) + ID_START, 'latin1');
      row++;
    }
    return { bytes: lines.subarray(start, offsets[row]), rows: row - first };
  };
}

/** Lines, where each begins, and their end. */
function scanTemplate(): { lines: Buffer; offsets: number[] } {
  const setup = {
    programs: ROUTES.map((route) => route.program),
    apps: ['', 'shop'],
    batchEventsMax: BATCH_EVENTS,
    ids: createUuidSource(createRandom(1)),
  };
  const scanner = createScanner(setup, 'auto');
  const corpus = createCorpus(1, 'medium');
  const userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15';
  const output = createScanOutput();
  const parts: Buffer[] = [];
  const offsets: number[] = [];
  let bytes = 0;
  for (let batch = 0; batch < TEMPLATE_BATCHES; batch++) {
    const frame = { body: corpus.array(BATCH_EVENTS), address: [203, 0, 113, batch], userAgent, app: 1 };
    scanner.scan(createSlab([frame], Date.UTC(2026, 10, 20)).job(), output);
    for (let index = 0; index < output.recordCount; index++) {
      offsets.push(bytes + (output.records[index * RECORD_WORDS + RecordWord.lineOffset] ?? 0));
    }
    parts.push(Buffer.from(output.lines.subarray(0, output.lineBytes)));
    bytes += output.lineBytes;
  }
  offsets.push(bytes);
  return { lines: Buffer.concat(parts), offsets };
}

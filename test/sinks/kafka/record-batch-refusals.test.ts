/** What no record batch holds: lines that are damaged, records that are too large; and their neighbours, which it does. */
import { describe, expect, it } from 'vitest';
import { AssertionError } from '../../../src/assert.ts';
import { RefusalReason } from '../../../src/sinks/kafka/batch-contract.ts';
import { BATCH_OPTIONS, createBatchEncoder } from '../../../src/sinks/kafka/record-batch.ts';
import { encodeAll, sourceOf } from '../../fuzz/batch-differential.ts';
import { ENCODERS, encode, linesOf, lineWith, scanBodies, TARGET } from './batch-harness.ts';

describe('what cannot be encoded', () => {
  it('nothing comes of nothing', async () => {
    for (const name of ENCODERS) {
      expect(
        encodeAll(createBatchEncoder(BATCH_OPTIONS, name), sourceOf(Buffer.alloc(0)), TARGET),
      ).toHaveLength(0);
    }
  });

  it('a damaged line is refused where it stands, and its neighbours go', async () => {
    const good = [lineWith('before'), lineWith('after')];
    const whole = lineWith('x');
    const damaged = [
      '\n',
      '{}\n',
      whole.replace('"app_id":"shop"', '"app_id":7'),
      whole.replace('"app_id":"shop"', '"app_id":"\\x"'),
      whole.replace('"app_id":"shop"', '"app_id":"\\u00g0"'),
      whole.replace('"app_id":"shop"', '"app_id":"\\ud83'),
      whole.replace('"timestamp"', '"times"'),
      whole.replace('12:30:15.250Z', '12:30:15.25Z'),
      whole.replace('2025-06-09T12:30', '2025-02-29T12:30'),
      whole.replace('2025-06-09T12:30', '2025-06-09T24:30'),
      whole.replace('"http"}', '"http"'),
      whole.slice(1),
    ];
    for (const line of damaged) {
      const { refusals, batches } = await encode(linesOf(good[0]!, line, good[1]!));
      expect(refusals, line).toEqual([{ reason: RefusalReason.damagedLine, line }]);
      expect(batches.flatMap(({ records }) => records.map(({ value }) => `${value}\n`))).toEqual(good);
    }
  });

  it('a line cut at any byte is refused, and never read beyond its end', async () => {
    const line = lineWith('\\u0041', ',"user_id":"\\ud83d\\ude00"');
    for (let length = 1; length < line.length; length++) {
      const cut = line.slice(0, length);
      expect((await encode(linesOf(cut))).refusals).toEqual([
        { reason: RefusalReason.damagedLine, line: cut },
      ]);
    }
  });

  it('a record that no batch can hold is told, and the rest goes', async () => {
    const large = lineWith('large', `,"user_id":"${'u'.repeat(3_000)}"`);
    const { refusals, batches } = await encode(linesOf(lineWith('a'), large, lineWith('b')), {
      batchBytesMax: 2_000,
    });
    expect(refusals).toEqual([{ reason: RefusalReason.recordTooLarge, line: large }]);
    expect(batches.flatMap(({ records }) => records)).toHaveLength(2);
  });

  it('a row that points out of the lines is a bug, as is a partition that is none', () => {
    const source = scanBodies([JSON.stringify({ event_type: 't', app_id: 'a', device_id: 'd' })]);
    for (const name of ENCODERS) {
      const encoder = createBatchEncoder(BATCH_OPTIONS, name);
      const cut = { ...source, lineBytes: source.lineBytes - 1 };
      expect(() => encodeAll(encoder, cut, TARGET)).toThrow(AssertionError);
      expect(() => encodeAll(encoder, source, { ...TARGET, partitionCount: 5 })).toThrow(AssertionError);
      expect(() => encodeAll(encoder, source, { ...TARGET, partitionCount: 0 })).toThrow(AssertionError);
    }
  });
});

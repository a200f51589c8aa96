/** The Fastify peer does the work that its rows say: the same checks, each event kept once, answers that mean what they say. */
import { describe, expect, test } from 'vitest';
import { Gather } from '../../bench/peers/fastify/gather.ts';
import { isFault, type Row, toRow } from '../../bench/peers/fastify/row.ts';

const ORIGIN = { appId: 'bench', ip: '127.0.0.1', userAgent: '', receivedAt: '2026-01-01T00:00:00.000Z' };
const EVENT = { event_type: 'tap', device_id: 'd1' };

describe('checks', () => {
  const codeOf = (event: unknown) => {
    const result = toRow(event, ORIGIN);
    return isFault(result) ? `${result.code} ${result.field}` : result;
  };

  test('an event becomes a row with what the server adds', () => {
    expect(codeOf({ ...EVENT, event_id: 'e1', timestamp: 1748794564 })).toMatchObject({
      event_id: 'e1',
      app_id: 'bench',
      user_id: '',
      timestamp: '2025-06-01T16:16:04.000Z',
      event_data: {},
      received_at: ORIGIN.receivedAt,
    });
  });

  test('what Penstock refuses for its shape is refused', () => {
    expect(codeOf([])).toBe('not_an_object ');
    expect(codeOf({ device_id: 'd1' })).toBe('missing_field event_type');
    expect(codeOf({ event_type: 'tap' })).toBe('missing_field device_id');
    expect(codeOf({ ...EVENT, platform: 1 })).toBe('invalid_type platform');
    expect(codeOf({ ...EVENT, user_id: 'u'.repeat(257) })).toBe('invalid_length user_id');
    expect(codeOf({ ...EVENT, event_data: [] })).toBe('invalid_type event_data');
    expect(codeOf({ ...EVENT, timestamp: 'yesterday' })).toBe('invalid_timestamp timestamp');
    expect(codeOf({ ...EVENT, timestamp: '1999-12-31T00:00:00Z' })).toBe('timestamp_out_of_range timestamp');
  });

  test('times are read by their magnitude', () => {
    for (const timestamp of [1748794564, 1748794564000, 1748794564000000, 1748794564000000000])
      expect(codeOf({ ...EVENT, timestamp })).toMatchObject({ timestamp: '2025-06-01T16:16:04.000Z' });
  });
});

describe('gathered rows', () => {
  const rowsOf = (from: number, count: number): Row[] =>
    Array.from({ length: count }, (_, index) => ({
      event_id: `e${from + index}`,
      device_id: 'd',
      user_id: '',
    }));

  test('are kept once and in order, some flushes failing', async () => {
    const kept: string[] = [];
    let calls = 0;
    const gather = new Gather({
      ack: 'delivered',
      intervalMs: 0,
      rowsMax: 7,
      keep: async (rows) => {
        calls += 1;
        if (calls % 3 === 0) throw new Error('not this time');
        kept.push(...rows.map((row) => row.event_id));
      },
    });
    const answered = Array.from({ length: 6 }, (_, index) => gather.add(rowsOf(index * 5, 5)));
    await Promise.all(answered);
    expect(kept).toEqual(rowsOf(0, 30).map((row) => row.event_id));
  });

  test('are answered behind the flush that has the last of them', async () => {
    const held: (() => void)[] = [];
    const gather = new Gather({
      ack: 'delivered',
      intervalMs: 0,
      rowsMax: 4,
      keep: () => new Promise((resolve) => held.push(resolve)),
    });
    let isAnswered = false;
    const answered = Promise.resolve(gather.add(rowsOf(0, 6))).then(() => {
      isAnswered = true;
    });
    const untilHeld = async () => {
      while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      held.splice(0)[0]?.();
    };
    await untilHeld();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isAnswered).toBe(false);
    await untilHeld();
    await answered;
    expect(isAnswered).toBe(true);
  });
});

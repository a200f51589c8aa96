/** Rejected rows, read as they were written. */
import { expect, test } from 'vitest';
import { REJECTED_RAW_BYTES_MAX } from '../../src/limits.ts';
import { createRejectedBytes, encodeRejected, type RejectedRow } from '../../src/sinks/rejected.ts';
import { readRejected } from '../../src/sinks/rejected-reader.ts';

const ROWS: RejectedRow[] = [
  {
    receivedAtMs: 1_763_700_000_123,
    appId: 'shop',
    dialect: 'penstock',
    transport: 'ws',
    reason: 'invalid_type',
    field: 'device_id',
    index: 4_000_000_000,
    raw: Buffer.from([0xff, 0, 0x22]),
    ip: '::1',
    userAgent: Buffer.from('größe'),
  },
  {
    receivedAtMs: 0,
    appId: '',
    dialect: '',
    transport: '',
    reason: '',
    field: '',
    index: 0,
    raw: Buffer.alloc(REJECTED_RAW_BYTES_MAX + 5, 1),
    ip: '',
    userAgent: Buffer.alloc(0),
  },
];

test('each row as it was, its raw bytes cut and their length kept', () => {
  const target = createRejectedBytes();
  for (const row of ROWS) encodeRejected(target, row);
  const bytes = target.bytes.subarray(0, target.length);
  const first = readRejected(bytes, 0);
  const second = readRejected(bytes, first.end);
  expect(first.row).toEqual({ ...ROWS[0], rawBytes: 3 });
  expect(second.row.rawBytes).toBe(REJECTED_RAW_BYTES_MAX + 5);
  expect(second.row.raw).toHaveLength(REJECTED_RAW_BYTES_MAX);
  expect(second.end).toBe(bytes.length);
});

/** One event of a request as a row of the events table, or why it is none: docs/events.md as a Node team would write it. */
import { randomUUID } from 'node:crypto';

export interface Row {
  readonly [column: string]: unknown;
  readonly event_id: string;
  readonly device_id: string;
  readonly user_id: string;
}

export interface Fault {
  readonly code: string;
  readonly field: string;
}

/** What every event of a request shares. */
export interface Origin {
  readonly appId: string;
  readonly ip: string;
  readonly userAgent: string;
  readonly receivedAt: string;
}

const TEXTS: readonly (readonly [column: string, lengthMax: number])[] = [
  ['event_id', 128],
  ['event_type', 128],
  ['device_id', 256],
  ['user_id', 256],
  ['session_id', 256],
  ['platform', 64],
  ['os_version', 64],
  ['app_version', 64],
];
const OBJECTS = ['attribution', 'event_data', 'context'] as const;
const YEAR_2000_MS = Date.UTC(2000, 0);
const YEAR_2100_MS = Date.UTC(2100, 0);

/** The row, or the first fault. */
export function toRow(event: unknown, origin: Origin): Row | Fault {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    return { code: 'not_an_object', field: '' };
  const from = event as Record<string, unknown>;
  const row: Record<string, unknown> = {};
  for (const [column, lengthMax] of TEXTS) {
    const value = from[column];
    if (value === undefined || value === null) row[column] = '';
    else if (typeof value !== 'string') return { code: 'invalid_type', field: column };
    else if (value.length > lengthMax) return { code: 'invalid_length', field: column };
    else row[column] = value;
  }
  if (row['event_type'] === '') return { code: 'missing_field', field: 'event_type' };
  if (row['device_id'] === '' && row['user_id'] === '') return { code: 'missing_field', field: 'device_id' };
  if (row['event_id'] === '') row['event_id'] = randomUUID();
  const ms = timeOf(from['timestamp']);
  if (Number.isNaN(ms)) return { code: 'invalid_timestamp', field: 'timestamp' };
  if (ms !== undefined && (ms < YEAR_2000_MS || ms >= YEAR_2100_MS))
    return { code: 'timestamp_out_of_range', field: 'timestamp' };
  row['timestamp'] = ms === undefined ? origin.receivedAt : new Date(ms).toISOString();
  for (const column of OBJECTS) {
    const value = from[column] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) return { code: 'invalid_type', field: column };
    row[column] = value;
  }
  row['app_id'] = origin.appId;
  row['ip'] = origin.ip;
  row['user_agent'] = origin.userAgent;
  row['received_at'] = origin.receivedAt;
  row['dialect'] = 'penstock';
  row['transport'] = 'http';
  return row as unknown as Row;
}

/** Whether it is a fault. */
export function isFault(result: Row | Fault): result is Fault {
  return 'code' in result;
}

/** Milliseconds of seconds, milliseconds, microseconds or nanoseconds by magnitude, or of ISO text; NaN: neither. */
function timeOf(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return Date.parse(value);
  if (typeof value !== 'number') return Number.NaN;
  if (value < 1e11) return value * 1e3;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

/**
 * Requests that real SDKs sent, captured on the wire, and the canonical events that a normaliser of another hand made of
 * them (test/fixtures/sdk/requests.jsonl); sending them again byte for byte, and comparing what the store then has.
 */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { type RawAnswer, readAnswer } from './raw-http.ts';

/** An event as the normaliser has it; absent columns are null. */
export interface CanonicalEvent {
  readonly event_id: string | null;
  readonly app_id: string | null;
  readonly timestamp: string;
  readonly received_at: string;
  readonly sent_at: string | null;
  readonly ip: string | null;
  readonly event_data: Readonly<Record<string, unknown>>;
  readonly [column: string]: unknown;
}

export interface CapturedRequest {
  readonly id: string;
  readonly sdk: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Base64 of the body as it was sent. */
  readonly body: string;
  readonly canonical: readonly CanonicalEvent[];
  /** Sends the body in chunks of so many bytes, without a length. */
  readonly chunkBytes?: number;
}

export type Row = Readonly<Record<string, unknown>>;

/** All captured requests. */
export function readCaptured(): CapturedRequest[] {
  const file = new URL('../fixtures/sdk/requests.jsonl', import.meta.url);
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as CapturedRequest);
}

/** Sends a request on the open connection, with the headers and the bytes that it had. */
export function replay(socket: Socket, request: CapturedRequest): Promise<RawAnswer> {
  const { method, url, headers, chunkBytes } = request;
  const bytes = Buffer.from(request.body, 'base64');
  const length: Record<string, string> =
    chunkBytes === undefined
      ? { 'content-length': String(bytes.length) }
      : { 'transfer-encoding': 'chunked' };
  const lines = Object.entries({ host: 'penstock.test', ...headers, ...length });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const answer = readAnswer(socket, 20_000);
  socket.write(`${method} ${url} HTTP/1.1\r\n${head}\r\n`);
  socket.write(chunkBytes === undefined ? bytes : inChunks(bytes, chunkBytes));
  return answer;
}

function inChunks(bytes: Buffer, chunkBytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const chunk = bytes.subarray(at, at + chunkBytes);
    pieces.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
}

const TEXT_COLUMNS = [
  ...['event_id', 'event_type', 'app_id', 'device_id', 'user_id', 'session_id', 'platform'],
  ...['os_version', 'app_version', 'ip', 'user_agent'],
];

/** Names of the columns, or `event_data.KEY`, in which a row is not what the normaliser says. */
export function differences(row: Row, event: CanonicalEvent): string[] {
  const different: string[] = TEXT_COLUMNS.filter((column) => {
    const isServersOwn = column === 'event_id' && event.event_id === null;
    return !isServersOwn && row[column] !== String(event[column] ?? '');
  });
  if (row['timestamp'] !== expectedTime(row, event)) different.push('timestamp');
  const attribution = objectOf(row['attribution']);
  if (!isDeepStrictEqual(attribution, event['attribution'])) different.push('attribution');
  for (const [key, value] of Object.entries(event.event_data)) {
    if (!isWithin(value, dataOf(row, key))) different.push(`event_data.${key}`);
  }
  return different;
}

/** Object columns as the store keeps them with `embedded.object_type: String`: their own text. */
function objectOf(text: unknown): Record<string, unknown> {
  return JSON.parse(String(text) || '{}') as Record<string, unknown>;
}

/** Whether a value is the other, or its members are the other's, which may have more. */
function isWithin(value: unknown, other: unknown): boolean {
  if (Array.isArray(value) || typeof value !== 'object' || value === null)
    return isDeepStrictEqual(value, other);
  if (typeof other !== 'object' || other === null) return false;
  const members = other as Record<string, unknown>;
  return Object.entries(value).every(([key, member]) => isWithin(member, members[key]));
}

/** Where a part of the data is kept: with the event's data, or in its context, of which all but the rest is the SDK's. */
function dataOf(row: Row, key: string): unknown {
  const [data, context] = [objectOf(row['event_data']), objectOf(row['context'])];
  if (key in data) return data[key];
  return key === 'context' ? context : context[key];
}

/** The clock correction of docs/events.md, written a second time: the requests are old, so that all times are moved. */
function expectedTime(row: Row, event: CanonicalEvent): string {
  const received = String(row['received_at']);
  if (event.timestamp === event.received_at && row['timestamp'] === received) return received;
  if (event.sent_at === null || isExact(row, event)) return event.timestamp;
  const corrected = Date.parse(event.timestamp) + Date.parse(received) - Date.parse(event.sent_at);
  return new Date(corrected).toISOString();
}

/** Snowplow's true timestamp; the same time stands in `dtm` of other events, which are corrected. */
function isExact(row: Row, event: CanonicalEvent): boolean {
  return row['dialect'] === 'snowplow' && row['timestamp'] === event.timestamp;
}

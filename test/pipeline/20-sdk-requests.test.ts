/**
 * Chapter 20, everybody's SDKs on one port: 187 requests that 16 clients really sent, byte for byte over a socket, and
 * what the store then has of their 1,205 events, against what a normaliser of another hand made of them. Where a row is
 * not the same the reason stands in test/support/sdk-replay.ts. The same requests then come by other ways: other headers,
 * pieces, compressions, spellings; and twice.
 */
import { brotliCompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { metricOf } from '../support/metrics.ts';
import { openSocket } from '../support/raw-http.ts';
import {
  type Compared,
  compareAll,
  KEYLESS,
  type Replayed,
  replayAll,
  settled,
  startReplayServer,
} from '../support/sdk-replay.ts';
import { type CapturedRequest, readCaptured, replay } from '../support/sdk-requests.ts';

const REQUESTS = readCaptured();

let server: Running;
let replayed: Replayed;
let compared: Compared;

beforeAll(async () => {
  // Several of them are retries, whose rows are wanted.
  server = await startReplayServer(REQUESTS, { dedup: { ids_max: 0 } });
  replayed = await replayAll(server, REQUESTS);
  compared = compareAll(REQUESTS, replayed);
}, 120_000);
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Requests that are not answered 200, with what they are. */
function othersOf({ answers }: Replayed, requests: readonly CapturedRequest[]) {
  return requests.flatMap(({ id }, index) =>
    answers[index]?.status === 200 ? [] : [[id, answers[index]?.status]],
  );
}

test('every request with a key is answered 200', () => {
  expect(othersOf(replayed, REQUESTS)).toEqual([[KEYLESS, 401]]);
});

test('every event is what the normaliser says, or is told why it is not', () => {
  const { equal, reasons, unexplained } = compared;
  console.log(`sdk-requests: ${equal} of ${REQUESTS.length} requests are equal in every column and datum`);
  for (const [reason, count] of reasons) console.log(`sdk-requests: ${count} values differ: ${reason}`);
  expect(unexplained).toEqual([]);
  expect(equal).toBeGreaterThanOrEqual(EQUAL_REQUESTS_MIN);
});

/** As many were equal when this was written; fewer is a loss. */
const EQUAL_REQUESTS_MIN = 162;

/** The same request in another wrapping; undefined where it cannot have it. */
type Variation = (request: CapturedRequest, plain: Buffer) => CapturedRequest | undefined;

const isJson = (plain: Buffer) => plain[0] === 0x7b || plain[0] === 0x5b;
/** The request with this body, of which its headers say what `encoding` is, or nothing. */
function withBody(request: CapturedRequest, body: Buffer, encoding?: string): CapturedRequest {
  const { 'content-encoding': _old, ...headers } = request.headers;
  const named = encoding === undefined ? headers : { ...headers, 'content-encoding': encoding };
  return { ...request, headers: named, body: body.toString('base64') };
}
const compressed =
  (compress: (plain: Buffer) => Buffer, encoding?: string): Variation =>
  (request, plain) =>
    plain.length > 0 ? withBody(request, compress(plain), encoding) : undefined;

/** For CloudEvents the Content-Type is the data's. */
const isBinaryCloudEvent = ({ headers }: CapturedRequest) => 'ce-specversion' in headers;

const VARIATIONS: readonly (readonly [what: string, vary: Variation])[] = [
  [
    'GZIP, and all names of headers in capitals, in the opposite order',
    (request, plain) => {
      const gzipped = compressed(gzipSync, 'GZIP')(request, plain) ?? request;
      const headers = Object.entries(gzipped.headers).reverse();
      return {
        ...gzipped,
        headers: Object.fromEntries(headers.map(([name, value]) => [name.toUpperCase(), value])),
      };
    },
  ],
  [
    'a body in chunks, behind a prefix of the path',
    (request) => ({ ...request, chunkBytes: 97, url: `/collect/here${request.url}` }),
  ],
  [
    'no compression, and a doubled slash in the path',
    (request, plain) => ({ ...withBody(request, plain), url: `/${request.url}` }),
  ],
  [
    'gzip that nobody declares, and a charset, capitals and quotes in the Content-Type',
    (request, plain) => {
      const gzipped = compressed(gzipSync)(request, plain);
      if (gzipped === undefined || isBinaryCloudEvent(request)) return gzipped;
      const type = `${(request.headers['content-type'] ?? 'text/plain').toUpperCase()}; Charset="utf-8"`;
      return { ...gzipped, headers: { ...gzipped.headers, 'content-type': type } };
    },
  ],
  ['deflate, with its header', compressed(deflateSync, 'deflate')],
  ['deflate, without', compressed(deflateRawSync, 'deflate')],
  ['br', compressed(brotliCompressSync, 'br')],
  [
    'a byte order mark, white space, and members in the opposite order',
    (request, plain) => {
      if (!isJson(plain)) return undefined;
      const text = JSON.stringify(reversed(JSON.parse(plain.toString('utf8'))), undefined, '\t');
      return withBody(request, Buffer.from(`${isBinaryCloudEvent(request) ? '' : '\ufeff\r\n '}${text}\n`));
    },
  ],
  [
    'texts in escapes',
    (request, plain) => {
      if (!isJson(plain)) return undefined;
      const text = plain.toString('utf8').replaceAll(/[\u0080-\u{10ffff}]/gu, escaped);
      return withBody(request, Buffer.from(text));
    },
  ],
];

function escaped(character: string): string {
  const units = Array.from({ length: character.length }, (_none, at) => character.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

function plainOf({ body }: CapturedRequest): Buffer {
  const bytes = Buffer.from(body, 'base64');
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
}

describe('the same by other ways', () => {
  test.each(VARIATIONS)(
    '%s: the same events',
    async (_what, vary) => {
      const varied = REQUESTS.flatMap((request, index) => {
        const variant = vary(request, plainOf(request));
        return variant === undefined ? [] : [{ variant, index }];
      });
      const requests = varied.map(({ variant }) => variant);
      const again = await replayAll(server, requests);
      const originals = varied.map(({ index }) => index);
      expect(othersOf(again, requests).map(([id]) => id)).toEqual(
        requests.map(({ id }) => id).filter((id) => id === KEYLESS),
      );
      const found = compareAll(requests, again);
      expect(found.unexplained).toEqual([]);
      const before = compareAll(
        originals.map((index) => REQUESTS[index] as CapturedRequest),
        { answers: [], rows: originals.map((index) => replayed.rows[index] ?? []) },
      );
      expect([found.equal, [...found.reasons]]).toEqual([before.equal, [...before.reasons]]);
    },
    120_000,
  );
});

test('all of them sent twice: each is answered as before, and an event that has an id stands once', async () => {
  const twice = await startReplayServer(REQUESTS);
  try {
    const socket = await openSocket(twice.url);
    const rounds: string[][] = [];
    for (let round = 0; round < 2; round++) {
      const said: string[] = [];
      for (const request of REQUESTS) {
        const { status, body } = await replay(socket, request);
        said.push(
          `${request.id} ${status} ${body.replace(/"(server_upload_time|request_id)":("[^"]*"|\d+)/, '')}`,
        );
      }
      rounds.push(said);
    }
    socket.destroy();
    expect(rounds[1]).toEqual(rounds[0]);
    await settled(twice);
    const events = REQUESTS.filter(({ id }) => id !== KEYLESS).flatMap(({ canonical }) => canonical);
    const named = events.filter(({ event_id }) => event_id !== null);
    const ids = new Set(named.map(({ app_id, event_id }) => `${app_id} ${event_id}`));
    const [row] = await twice.query<Record<string, string>>(
      'SELECT count() AS n, uniqExact(app_id, event_id) AS ids FROM events',
    );
    const expected = ids.size + 2 * (events.length - named.length);
    expect([Number(row?.['n']), Number(row?.['ids'])]).toEqual([expected, expected]);
    expect(await metricOf(twice, 'penstock_events_duplicate_total')).toBe(2 * named.length - ids.size);
  } finally {
    expect(await twice.stop()).toBe(0);
  }
}, 120_000);

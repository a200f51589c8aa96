/**
 * Chapter 32, bodies that are no events, on routes of every dialect. One that is no JSON, or neither object nor list, is 400 in the words
 * of its route, and kept in events_rejected: no SDK sends it by itself, and whoever does by hand wants to know. One that can
 * be read is 200 for SDKs, whatever becomes of its events; so is an event that is no JSON among the others of a batch. A
 * batch of nothing is a success of nothing.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from '../../src/dialects/routes.ts';
import { type Running, startServer } from '../support/appliance.ts';
import { expectLawAtRest } from '../support/metrics.ts';
import { KEY } from '../support/real-sdk.ts';

interface Case {
  readonly name: string;
  readonly dialect: string;
  readonly path: string;
  /** Takes lists of events. */
  readonly isBatch?: boolean;
  /** Key under which an envelope has its events, where there are any. */
  readonly envelopeKey?: string;
  /** Body of its 200. */
  readonly ok: string | RegExp;
  /** Answers are Penstock's own: an event that is rejected alone is 400 too. */
  readonly isOwn?: boolean;
  /** Refusals say the status as a number. */
  readonly isNumeric?: boolean;
  /** One event is a list of one before it is looked at. */
  readonly isListed?: boolean;
}

const segment = { dialect: 'segment', ok: '{"success":true}' };
const posthog = { dialect: 'posthog', isBatch: true, envelopeKey: 'batch', ok: '{"status":1,"results":{}}' };
const mixpanel = { dialect: 'mixpanel', isBatch: true, ok: '1', isListed: true };
const jitsu = { dialect: 'jitsu', ok: '{"ok":true}' };

const CASES: readonly Case[] = [
  {
    name: 'Penstock’s single events',
    dialect: 'penstock',
    path: '/v1/events',
    ok: '',
    isOwn: true,
  },
  {
    name: 'Penstock’s batches',
    dialect: 'penstock',
    path: '/v1/events/batch',
    isBatch: true,
    envelopeKey: 'events',
    ok: '{"status":"accepted","accepted":0,"rejected":0,"errors":[]}',
    isOwn: true,
  },
  { name: 'Segment’s calls', path: '/v1/track', ...segment },
  { name: 'Segment’s calls by their letters', path: '/v1/t', ...segment },
  {
    name: 'Segment’s and RudderStack’s batches',
    path: '/v1/batch',
    isBatch: true,
    envelopeKey: 'batch',
    ...segment,
  },
  { name: 'Segment’s browser batches', path: '/v1/b', isBatch: true, envelopeKey: 'batch', ...segment },
  {
    name: 'RudderStack’s beacons',
    path: '/beacon/v1/batch',
    isBatch: true,
    envelopeKey: 'batch',
    ...segment,
  },
  { name: 'PostHog’s events', path: '/e', ...posthog },
  { name: 'PostHog’s newer events', path: '/i/v1/analytics/events', ...posthog },
  {
    name: 'Snowplow’s payloads',
    dialect: 'snowplow',
    path: '/com.snowplowanalytics.snowplow/tp2',
    isBatch: true,
    envelopeKey: 'data',
    ok: '{"ok":true}',
  },
  {
    name: 'Amplitude’s events',
    dialect: 'amplitude',
    path: '/2/httpapi',
    isBatch: true,
    envelopeKey: 'events',
    ok: /^\{"code":200,"events_ingested":0,/,
    isNumeric: true,
  },
  { name: 'Mixpanel’s events', path: '/track', ...mixpanel },
  { name: 'Mixpanel’s imports', path: '/import', ...mixpanel },
  { name: 'Jitsu’s calls', path: '/api/s/track', ...jitsu },
  { name: 'Jitsu’s calls of servers', path: '/api/s/s2s/page', ...jitsu },
  {
    name: 'CloudEvents',
    dialect: 'cloudevents',
    path: '/v1/cloudevents',
    ok: '{"ok":true}',
    isBatch: true,
  },
];

interface Expected {
  readonly status: number;
  /** Code of a refusal, where it is one. */
  readonly code?: string;
  /** Reason and bytes in events_rejected, where there is a row. */
  readonly letter?: readonly [reason: string, raw: string];
}

const OK: Expected = { status: 200 };
const refused = (code: string, raw: string): Expected => ({ status: 400, code, letter: [code, raw] });
const rejected = ({ isOwn }: Case, reason: string, raw: string): Expected =>
  isOwn === true ? refused(reason, raw) : { status: 200, letter: [reason, raw] };

/** What each body is, and what must become of it. */
const BODIES: readonly (readonly [what: string, body: string, become: (route: Case) => Expected])[] = [
  ...['{"type": tr', '{"type":"track"', '{'].map(
    (body) =>
      [
        'an event that is cut short',
        body,
        ({ isListed }: Case) => refused('invalid_json', isListed === true ? `[${body}]` : body),
      ] as const,
  ),
  ...['{"type": tr}', '{"a":1,}', "{'a':1}", '{a:1}', '{"a":NaN,}', '{"a":1/* c */}'].map(
    (body) =>
      [
        'an event that is no JSON',
        body,
        (route: Case) =>
          route.isListed === true ? rejected(route, 'invalid_json', body) : refused('invalid_json', body),
      ] as const,
  ),
  ...['{"a":NaN}', '{"a":{"b":[-Infinity, 1]},"c":"NaN"}'].map(
    (body) =>
      [
        'an event that is JSON but for NaN and Infinity, as Python writes them',
        body,
        (route: Case) => rejected(route, 'invalid_json', body),
      ] as const,
  ),
  ...['true', '"text"', '123', 'null', 'x'].map(
    (body) => ['neither object nor list', body, () => refused('invalid_json', body)] as const,
  ),
  ['an empty list', '[]', ({ isBatch }) => (isBatch === true ? OK : refused('not_an_object', '[]'))],
  ['an empty object', '{}', (route) => rejected(route, 'missing_field', '{}')],
  [
    'a list with an event that is no JSON',
    '[{"a":tr}]',
    (route) =>
      route.isBatch === true
        ? rejected(route, 'invalid_json', '{"a":tr}')
        : refused('not_an_object', '[{"a":tr}]'),
  ],
  [
    'a list that is cut short',
    '[{"a":1}',
    ({ isBatch }) => refused(isBatch === true ? 'invalid_json' : 'not_an_object', '[{"a":1}'),
  ],
  ['nothing', '', ({ isOwn }) => (isOwn === true ? { status: 400, code: 'empty_body' } : OK)],
];

test('every dialect is here with each shape that its routes take, but the pixel, whose queries are always an object', () => {
  const seen = CASES.map(({ dialect, isBatch }) => `${dialect} ${isBatch === true ? 'batch' : 'single'}`);
  const taken = ROUTES.map(({ program }) => `${program.dialect} ${program.shape}`);
  expect(new Set(seen)).toEqual(new Set(taken.filter((name) => !name.startsWith('pixel '))));
});

describe.each(['auto', 'reference'])('with the scanner %s', (scanner) => {
  let server: Running;
  /** Rows that must stand in events_rejected, with how often. */
  const letters = new Map<string, number>();
  beforeAll(async () => {
    server = await startServer({
      config: { apps: [{ name: 'shop', keys: [KEY] }] as never, scanner: scanner as never },
    });
    await server.ready();
  });
  afterAll(async () => {
    await expectLawAtRest(server.url);
    expect(await server.stop()).toBe(0);
  });

  async function expectAnswer(route: Case, body: string, expected: Expected, isGet = false): Promise<void> {
    const headers = { authorization: `Bearer ${KEY}` };
    const url = `${server.url}${route.path}`;
    const answer = await (isGet
      ? fetch(`${url}?data=${encodeURIComponent(body)}`, { headers })
      : fetch(url, { method: 'POST', body, headers }));
    const text = await answer.text();
    expect([body, answer.status, text]).toEqual([body, expected.status, expect.anything()]);
    if (expected.status === 200) {
      if (typeof route.ok === 'string') expect(text).toBe(route.ok);
      else expect(text).toMatch(route.ok);
    } else {
      const said = JSON.parse(text) as Record<string, unknown>;
      const named = route.isNumeric === true ? said['missing_field'] : said['code'];
      expect([body, named]).toEqual([body, expected.code]);
      expect(said[route.isNumeric === true ? 'code' : 'status']).toBe(expected.status);
    }
    if (expected.letter === undefined) return;
    const row = JSON.stringify([route.dialect, ...expected.letter]);
    letters.set(row, (letters.get(row) ?? 0) + 1);
  }

  test.each(CASES)('$name', async (route) => {
    for (const [, body, become] of BODIES) await expectAnswer(route, body, become(route));
    if (route.envelopeKey !== undefined) {
      const key = JSON.stringify(route.envelopeKey);
      await expectAnswer(route, `{${key}:[]}`, OK);
      await expectAnswer(route, `{${key}:[{"a":tr}]}`, rejected(route, 'invalid_json', '{"a":tr}'));
    }
  });

  test.each(CASES.filter(({ path }) => ['/e', '/track'].includes(path)))(
    '$name in a query',
    async (route) => {
      for (const [what, body, become] of BODIES) {
        // What a query has that is neither object nor list is taken for base64.
        if (what !== 'neither object nor list' && body !== '') {
          await expectAnswer(route, body, become(route), true);
        }
      }
    },
  );

  test('a key that stands in a body is found before the break, or is none: 401, and nothing is kept', async () => {
    const post = (path: string, body: string) => fetch(`${server.url}${path}`, { method: 'POST', body });
    expect((await post('/v1/t', `{"type":"track","x": tr,"writeKey":"${KEY}"`)).status).toBe(400);
    letters.set(
      JSON.stringify(['segment', 'invalid_json', `{"type":"track","x": tr,"writeKey":"${KEY}"`]),
      1,
    );
    expect((await post('/v1/t', `{"type":"track","x":[,"writeKey":"${KEY}"`)).status).toBe(401);
    const payload = `{"schema":"s","data":[{"e":"pv","aid":"${KEY}"},{"e":`;
    expect((await post('/com.snowplowanalytics.snowplow/tp2', payload)).status).toBe(401);
  });

  test('on paths that are nobody’s, a body that is nobody’s is 404, and a batch is whose it looks like', async () => {
    const headers = { authorization: `Bearer ${KEY}` };
    for (const path of ['/batch', '/', '/any/path']) {
      const post = (body: string) => fetch(`${server.url}${path}`, { method: 'POST', body, headers });
      for (const [what, body] of BODIES.filter(([what]) => what !== 'nothing')) {
        const answer = await post(body);
        expect([what, body, answer.status]).toEqual([what, body, 404]);
        expect(await answer.json()).toMatchObject({ code: 404, missing_field: 'not_found' });
      }
      expect([(await post('')).status, (await post('{"batch":[]}')).status]).toEqual([200, 200]);
    }
  });

  test('events_rejected has each that was kept, once, and nothing else', async () => {
    const count = [...letters.values()].reduce((sum, times) => sum + times, 0);
    await server.waitForCount('events_rejected', count);
    const rows = await server.query<{ dialect: string; reason: string; raw: string; times: string }>(
      'SELECT dialect, reason, raw, toString(count()) AS times FROM events_rejected GROUP BY ALL',
    );
    const found = rows.map(({ dialect, reason, raw, times }) => [
      JSON.stringify([dialect, reason, raw]),
      Number(times),
    ]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(letters));
    expect(await server.query('SELECT * FROM events')).toEqual([]);
  });
});

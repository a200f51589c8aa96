/**
 * Chapter 11, what an answer promises. A client says how far an event must be before it is answered: in the journal,
 * on the disk for good, or with every sink. The answer says what was reached, and never more.
 */
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { type AckMessage, StreamClient } from '../support/stream-client.ts';

let server: Running;
afterEach(async () => {
  await server.stop();
});

function post(events: unknown, level = '', query = ''): Promise<Response> {
  return fetch(`${server.url}/v1/events/batch${query}`, {
    method: 'POST',
    body: JSON.stringify(events),
    headers: level === '' ? {} : { 'penstock-ack': level },
  });
}

const said = (answer: Response) => [answer.status, answer.headers.get('penstock-ack')];

const metric = (name: string) => metricOf(server, name);

test('each request gets the level it asks for, by header or query, and is told so', async () => {
  server = await startServer({ config: { workers: 2 as never } });
  await server.ready();
  expect(said(await post(testEvents(3, 'plain')))).toEqual([200, 'journal']);
  expect(said(await post(testEvents(3, 'journal'), 'journal'))).toEqual([200, 'journal']);
  expect(said(await post(testEvents(3, 'memory'), 'memory'))).toEqual([200, 'journal']);
  expect(said(await post(testEvents(3, 'fsync'), 'fsync'))).toEqual([200, 'fsync']);
  expect(said(await post(testEvents(3, 'query'), '', '?ack=fsync'))).toEqual([200, 'fsync']);
  const delivered = await post(testEvents(3, 'delivered'), 'delivered');
  expect(said(delivered)).toEqual([200, 'delivered']);
  expect(await delivered.json()).toEqual({ status: 'accepted', accepted: 3, rejected: 0, errors: [] });
  const single = await fetch(`${server.url}/v1/events?ack=delivered`, {
    method: 'POST',
    body: JSON.stringify(testEvent(1, 'single')),
  });
  expect(await single.json()).toEqual({ status: 'accepted', event_id: 'single-1' });
});

/** PostHog's, of which the browser's SDK takes 200 alone for success; Amplitude's, which is filled in; a pixel. */
const SDK_REQUESTS: [path: string, body: string | undefined, answer: unknown][] = [
  ['/e/', '{"api_key":"k","batch":[{"event":"e","distinct_id":"u"}]}', { status: 1, results: {} }],
  [
    '/2/httpapi',
    '{"api_key":"k","events":[{"event_type":"e","user_id":"u"}]}',
    { code: 200, events_ingested: 1 },
  ],
  ['/v1/pixel.gif?key=k&event_type=e&user_id=u&ack=yes', undefined, undefined],
];

async function postAsSdk(index: number): Promise<[status: number, level: string | null]> {
  const [path, body, expected] = SDK_REQUESTS[index] ?? [];
  const headers = { 'penstock-ack': 'delivered' };
  const init = body === undefined ? { headers } : { method: 'POST', body, headers };
  const answer = await fetch(`${server.url}${path}`, init);
  if (expected === undefined) expect(answer.headers.get('content-type')).toBe('image/gif');
  else expect(await answer.json()).toMatchObject(expected as object);
  return [answer.status, answer.headers.get('penstock-ack')];
}

test('an SDK may ask by header, and is answered in its own words; `ack` in the query of an event is its own field', async () => {
  server = await startServer();
  await server.ready();
  for (const index of SDK_REQUESTS.keys()) expect(await postAsSdk(index)).toEqual([200, 'delivered']);
  const rows = await server.query('SELECT event_data.ack::String AS ack FROM events ORDER BY received_at');
  expect(rows).toEqual([{ ack: '' }, { ack: '' }, { ack: 'yes' }]);
});

test('delivered means that the sinks have it: 200 requests are each in the store when they are answered', async () => {
  server = await startServer({ config: { workers: 2 as never } });
  await server.ready();
  await Promise.all(
    Array.from({ length: 20 }, async (_, client) => {
      for (let n = 0; n < 10; n++) {
        const prefix = `d${client}x${n}`;
        // The first event is rejected: its place is the other table, and it is waited for too.
        const answer = await post([{ event_type: 'x' }, ...testEvents(4, prefix)], 'delivered');
        expect(said(answer)).toEqual([200, 'delivered']);
        const sql = `SELECT count() AS n FROM events WHERE startsWith(event_id, '${prefix}-')`;
        expect(Number((await server.query<{ n: string }>(sql))[0]?.n)).toBe(4);
      }
    }),
  );
  const rejected = await server.query<{ n: string }>('SELECT count() AS n FROM events_rejected');
  expect(Number(rejected[0]?.n)).toBe(200);
});

test('an unknown level is 400 with a stable code, on the stream too', async () => {
  server = await startServer();
  const answer = await post(testEvents(1), 'forever');
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: 'unknown_ack_level' });
  const client = await StreamClient.connect(`${server.streamUrl}?ack=forever`);
  expect(client.welcome).toBeUndefined();
});

test('a page of another origin may send the header and read the answer’s', async () => {
  server = await startServer();
  const preflight = await fetch(`${server.url}/v1/events`, {
    method: 'OPTIONS',
    headers: { origin: 'https://a.example', 'access-control-request-headers': 'penstock-ack' },
  });
  expect(preflight.headers.get('access-control-allow-headers')).toBe('penstock-ack');
  const answer = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    body: JSON.stringify(testEvent(1)),
    headers: { origin: 'https://a.example', 'penstock-ack': 'fsync' },
  });
  expect(answer.headers.get('access-control-expose-headers')).toContain('Penstock-Ack');
  expect(said(answer)).toEqual([200, 'fsync']);
});

test('with events in memory only, more is refused, and said why', async () => {
  server = await startServer({ config: { journal: { durability: 'memory' } } });
  await server.ready();
  expect(said(await post(testEvents(1, 'a'), 'memory'))).toEqual([200, 'memory']);
  for (const level of ['journal', 'fsync', 'delivered']) {
    const answer = await post(testEvents(1, level), level);
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ code: 'ack_level_unavailable' });
  }
});

describe('a store that stands still', () => {
  const config = { ack: { delivered_timeout_ms: 400 } };

  test('answers delivered with 202 journal at the timeout; others do not wait for it', async () => {
    server = await startServer({ config });
    await server.ready();
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    try {
      const startedAt = performance.now();
      const waiting = post(testEvents(5, 'slow'), 'delivered');
      await until(async () => (await metric('penstock_acks_waiting')) === 1, 2_000, 'one waits');
      expect(said(await post(testEvents(5, 'quick')))).toEqual([200, 'journal']);
      expect(said(await post(testEvents(5, 'synced'), 'fsync'))).toEqual([200, 'fsync']);
      expect(performance.now() - startedAt).toBeLessThan(400);
      const answer = await waiting;
      expect(performance.now() - startedAt).toBeGreaterThan(390);
      expect(said(answer)).toEqual([202, 'journal']);
      expect(await answer.json()).toMatchObject({ status: 'accepted', accepted: 5 });
      expect(await metric('penstock_ack_fallbacks_total')).toBe(1);
    } finally {
      process.kill(store, 'SIGCONT');
    }
    expect(await server.waitForCount('events', 15)).toBe(15);
  });

  test('SDKs hear their own 200 all the same: the header says what was reached', async () => {
    server = await startServer({ config });
    await server.ready();
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    try {
      const answers = await Promise.all([...SDK_REQUESTS.keys()].map(postAsSdk));
      expect(answers).toEqual(SDK_REQUESTS.map(() => [200, 'journal']));
      expect(await metric('penstock_ack_fallbacks_total')).toBe(SDK_REQUESTS.length);
    } finally {
      process.kill(store, 'SIGCONT');
    }
  });

  test('with durability fsync, falls back to fsync', async () => {
    server = await startServer({ config: { ...config, journal: { durability: 'fsync' } } });
    await server.ready();
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    try {
      expect(said(await post(testEvents(5, 'slow'), 'delivered'))).toEqual([202, 'fsync']);
    } finally {
      process.kill(store, 'SIGCONT');
    }
  });

  test('does not hold a drain up: who waits is answered with what is reached', async () => {
    server = await startServer({
      config: { ack: { delivered_timeout_ms: 30_000 }, drain_timeout_ms: 3000 as never },
    });
    await server.ready();
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    const waiting = post(testEvents(5, 'drained'), 'delivered');
    const client = await StreamClient.connect(`${server.streamUrl}?ack=delivered`);
    client.send(testEvent(1, 'drained-ws'));
    await until(async () => (await metric('penstock_acks_waiting')) === 2, 2_000, 'both wait');
    server.signal('SIGTERM');
    expect(said(await waiting)).toEqual([202, 'journal']);
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(client.acks).toMatchObject([{ seq: 1, accepted: 1, ack: 'journal' }]);
    expect(await server.exited).toBe(0);
  });
});

test('a worker that dies takes no promise along: its replacement brings the rows to the sinks', async () => {
  const main = fileURLToPath(new URL('../faults/crashing-main.mjs', import.meta.url));
  server = await startServer({ main, config: { ack: { delivered_timeout_ms: 20_000 } } });
  await server.ready();
  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  const waiting = post(testEvents(5, 'orphan'), 'delivered');
  await until(async () => (await metric('penstock_acks_waiting')) === 1, 2_000, 'one waits');
  const lost = await post([{ ...testEvent(1), event_data: { note: 'kill-this-worker' } }], 'delivered');
  expect(lost.status).toBe(503);
  expect(await metric('penstock_acks_waiting')).toBe(1);
  process.kill(store, 'SIGCONT');
  expect(said(await waiting)).toEqual([200, 'delivered']);
  expect(await server.waitForCount('events', 5)).toBe(5);
});

describe('a stream', () => {
  test('acknowledges at the level of its connection, which its welcome says', async () => {
    server = await startServer({ config: { workers: 2 as never } });
    await server.ready();
    for (const level of ['fsync', 'delivered']) {
      const client = await StreamClient.connect(`${server.streamUrl}?ack=${level}`);
      expect(client.welcome).toMatchObject({ ack: level });
      for (const event of testEvents(300, level)) await client.sendWithinCredit(event);
      await client.acked(300);
      expect(client.accepted).toBe(300);
      expect(client.acks.every((ack) => !('ack' in ack))).toBe(true);
      if (level === 'delivered') expect(await server.waitForCount('events', 600)).toBe(600);
      client.close();
    }
  });

  test('says so in an ack that promises less', async () => {
    server = await startServer({ config: { ack: { delivered_timeout_ms: 300 } } });
    await server.ready();
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    const client = await StreamClient.connect(`${server.streamUrl}?ack=delivered`);
    client.send(testEvent(1, 'less'));
    await client.acked(1);
    expect((client.acks[0] as AckMessage & { ack?: string }).ack).toBe('journal');
    process.kill(store, 'SIGCONT');
    // A store that was stopped may need longer than the timeout for its first blocks.
    let sent = 1;
    await until(
      async () => {
        sent += 1;
        client.send(testEvent(sent, 'less'));
        await client.acked(sent);
        return !('ack' in (client.acks.at(-1) ?? {}));
      },
      20_000,
      'an ack that keeps its promise',
    );
    expect(client.acks.at(-1)).toEqual({ type: 'ack', seq: sent, accepted: 1, rejected: 0, errors: [] });
    client.close();
  });
});

/**
 * Chapter 7, somebody else's SDK. Whoever sends to Segment changes the host and nothing else: routes, the key's place,
 * answers and retries are those of Segment's SDKs. Here the real one for Node sends, to a server that is full at first.
 */
import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { Analytics } from '@segment/analytics-node';
import { afterAll, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { recordSdk } from '../support/real-sdk.ts';
import { CALL_TYPES, expectedRow, makeCall, rowsOf, stored, type WireEvent } from '../support/segment.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';

const EVENTS = 10_000;
const BATCH_EVENTS = 100;
const KEY = 'wk_shop_1';

let server: Running;
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

/** Fills the journal with another app's events, down to the room for one; the store must stand still. */
async function fill(): Promise<number> {
  let sent = 0;
  for (const size of [500, 50, 1]) {
    for (let isFull = false; !isFull; ) {
      const answer = await fetch(`${server.url}/v1/events/batch?key=other-key`, {
        method: 'POST',
        body: JSON.stringify(testEvents(size, 'fill', sent)),
      });
      if (sent > 300_000) throw new Error('the budget has no end');
      if (answer.status === 200) sent += size;
      else isFull = true;
    }
  }
  return sent;
}

test('delivers 10,000 events of all its calls, each once, through a server that is full at first', async () => {
  server = await startServer({
    config: {
      apps: [
        { name: 'shop', keys: [KEY] },
        { name: 'other', keys: ['other-key'] },
      ] as never,
      ...SMALL_BOUNDS,
    },
  });
  await server.ready();
  const batchCount = EVENTS / BATCH_EVENTS;
  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  let filled = 0;

  // The SDK hangs one listener a waiting batch on one signal; Node's warning is about that.
  setMaxListeners(EVENTS);
  const analytics = new Analytics({ writeKey: KEY, host: server.url, flushAt: BATCH_EVENTS });
  const errors: unknown[] = [];
  /** Batches by their first event's id: those that were sent, those that had an answer. */
  const sentBatches = new Set<string>();
  const answeredBatches = new Set<string>();
  const retryCounts = new Set<string>();
  const answers: { status: number; retryAfter: string | undefined; body: string }[] = [];
  analytics.on('error', (error) => errors.push(error));
  analytics.on('http_request', ({ headers, body }) => {
    sentBatches.add(firstId(body));
    if (headers['X-Retry-Count'] !== undefined) retryCounts.add(headers['X-Retry-Count']);
  });
  analytics.on('http_response', ({ status, headers, body }) => {
    answeredBatches.add(firstId(body));
    answers.push({ status, retryAfter: headers['retry-after'], body });
  });
  try {
    filled = await fill();
    for (let n = 0; n < EVENTS; n++) makeCall(analytics, n);
    await until(
      () => answeredBatches.size === batchCount,
      20_000,
      () => `every batch has an answer (${answeredBatches.size} of ${sentBatches.size})`,
    );
  } finally {
    process.kill(store, 'SIGCONT');
  }
  await analytics.closeAndFlush({ timeout: 60_000 });

  // What the SDK saw: refusals first, then for every batch one 200.
  expect(errors).toEqual([]);
  expect(answers[0]).toMatchObject({ status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) });
  const refused = answers.filter(({ status }) => status === 503);
  const taken = answers.filter(({ status }) => status === 200);
  expect(refused.length).toBeGreaterThan(batchCount / 2);
  expect(taken.length).toBe(batchCount);
  expect(answers.length).toBe(refused.length + taken.length);
  expect([...retryCounts]).toContain('1');

  // What the store has: exactly the events of those bodies.
  const sent = taken.flatMap(({ body }) => (JSON.parse(body) as { batch: WireEvent[] }).batch);
  expect(sent.length).toBe(EVENTS);
  await server.waitForCount("SELECT count() FROM events WHERE dialect = 'segment'", EVENTS);
  await server.waitForCount("SELECT count() FROM events WHERE dialect = 'penstock'", filled);
  expect(await server.query('SELECT * FROM events_rejected')).toEqual([]);
  const [counts] = await server.query<Record<string, string>>(
    "SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE dialect = 'segment'",
  );
  expect([Number(counts?.['n']), Number(counts?.['ids'])]).toEqual([EVENTS, EVENTS]);
  const types = await server.query<{ type: string; n: string }>(
    `SELECT if(startsWith(event_type, 'Order '), 'track', event_type) AS type, count() AS n
     FROM events WHERE dialect = 'segment' GROUP BY type`,
  );
  expect(Object.fromEntries(types.map(({ type, n }) => [type, Number(n)]))).toEqual(
    Object.fromEntries(
      CALL_TYPES.map((type, index) => [type, Math.ceil((EVENTS - index) / CALL_TYPES.length)]),
    ),
  );

  const rows = new Map((await rowsOf(server, "dialect = 'segment'")).map((row) => [row['event_id'], row]));
  for (const event of sent) expectStored(event, rows.get(event.messageId));
  recordSdk({
    sdk: '@segment/analytics-node',
    mode: '',
    runtime: 'Node',
    events: rows.size,
    refused: refused.length,
    encodings: ['none'],
    paths: ['POST /v1/batch'],
  });
  const everything = JSON.stringify([...rows.values()]);
  expect(everything).not.toContain(KEY);
  expect(everything).not.toContain('writeKey');
}, 90_000);

/** Compares before it expects: 20,000 expectations of nested objects would block the process for seconds. */
function expectStored(event: WireEvent, row: Record<string, unknown> = {}): void {
  const { context, received_at: _, ...columns } = row;
  const expected = expectedRow(event, 'shop');
  if (!isDeepStrictEqual(columns, expected)) expect(columns).toEqual(expected);
  // Beside what was sent there stand fields that have no column.
  const members = stored(event.context) as Record<string, unknown>;
  const own = Object.fromEntries(
    Object.keys(members).map((key) => [key, (context as typeof members)?.[key]]),
  );
  if (!isDeepStrictEqual(own, members)) expect(own).toEqual(members);
}

function firstId(body: string): string {
  return (JSON.parse(body) as { batch: WireEvent[] }).batch[0]?.messageId ?? '';
}

/**
 * Chapter 10, repeats. A client that heard nothing sends again; what was kept already is then counted and dropped, and the client hears
 * success. That holds while the id is remembered, and through the death of a thread or of the process: whatever
 * happens, no event is lost, and here each is in the table once.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { expectLawAtRest, metricOf } from '../support/metrics.ts';
import { StreamClient } from '../support/stream-client.ts';

let server: Running;
let dataDir = '';
afterEach(async () => {
  await (server as Running | undefined)?.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function post(events: unknown, path = '/v1/events/batch', headers = {}): Promise<Answer> {
  const answer = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(events),
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const metric = (name: string) => metricOf(server, name);

/** Rows of the table when the journal is delivered, and how many different ids they have. */
async function stored(): Promise<{ rows: number; ids: number }> {
  await server.ready();
  await until(() => server.logs.some(({ msg }) => msg === 'store is up'), 5_000, 'the log says so');
  await until(async () => (await metric('penstock_journal_rows')) === 0, 40_000, 'the journal is delivered');
  const [row] = await server.query<Record<string, string>>(
    'SELECT count() AS n, uniqExact(app_id, event_id) AS ids FROM events',
  );
  return { rows: Number(row?.['n']), ids: Number(row?.['ids']) };
}

describe('an event that is sent again', () => {
  test('is answered as accepted, counted as a duplicate, and stored once', async () => {
    server = await startServer();
    const first = await post(testEvent(1), '/v1/events');
    expect(first).toEqual({ status: 200, body: { status: 'accepted', event_id: 'e-1' } });
    const again = await post(testEvent(1), '/v1/events');
    expect(again).toEqual({
      status: 200,
      body: { status: 'accepted', event_id: 'e-1', duplicate: true },
    });
    expect(await post(testEvents(5))).toEqual({
      status: 200,
      body: { status: 'accepted', accepted: 4, rejected: 0, duplicates: 1, errors: [] },
    });
    expect(await post(testEvents(5))).toMatchObject({
      status: 200,
      body: { status: 'accepted', accepted: 0, duplicates: 5 },
    });
    // Faults are told as ever, and repeats among them are success.
    const mixed = await post([testEvent(2), { event_type: 'no app' }, testEvent(7), testEvent(7)]);
    expect(mixed).toMatchObject({
      status: 200,
      body: { status: 'partial', accepted: 1, rejected: 1, duplicates: 2 },
    });
    expect(await post([testEvent(2), { event_type: 'no app' }])).toMatchObject({
      status: 200,
      body: { status: 'partial', accepted: 0, rejected: 1, duplicates: 1 },
    });
    expect(await stored()).toEqual({ rows: 6, ids: 6 });
    expect(await metric('penstock_events_duplicate_total')).toBe(10);
    expect(await metric('penstock_dedup_ids')).toBe(6);
    await expectLawAtRest(server.url);
  });

  test('under another app, without an id, or spelt otherwise is an event, an event, and a repeat', async () => {
    server = await startServer({ config: { workers: 2 as never } });
    const event = testEvent(1);
    expect((await post([event, { ...event, app_id: 'other' }])).body).toMatchObject({ accepted: 2 });
    const { event_id: _, ...nameless } = event;
    for (let n = 0; n < 3; n++)
      expect((await post([nameless, nameless])).body).toMatchObject({ accepted: 2 });
    const spelt = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(event).replace('"e-1"', '"\\u0065-1"'),
    });
    expect(await spelt.json()).toEqual({ status: 'accepted', event_id: 'e-1', duplicate: true });
    expect(await stored()).toEqual({ rows: 8, ids: 8 });
  });

  test('is known to every thread, among much else', async () => {
    server = await startServer({ config: { workers: 2 as never } });
    const batches = Array.from({ length: 40 }, (_, n) => testEvents(100, 'many', n * 100));
    await Promise.all(batches.map((batch) => post(batch)));
    const answers = await Promise.all(batches.map((batch) => post(batch)));
    for (const { body } of answers) expect(body).toMatchObject({ accepted: 0, duplicates: 100 });
    expect(await stored()).toEqual({ rows: 4_000, ids: 4_000 });
    await expectLawAtRest(server.url);
  });

  test('over the stream is acknowledged with its count, and in Segment’s shape answered as ever', async () => {
    server = await startServer();
    const client = await StreamClient.connect(server.streamUrl);
    client.send(testEvents(3, 'ws'));
    await client.acked(1);
    expect(client.accepted).toBe(3);
    client.send(testEvents(5, 'ws'));
    await client.acked(2);
    expect(client.accepted).toBe(5);
    expect(client.acks.map(({ duplicates }) => duplicates)).toEqual([undefined, 3]);
    client.close();
    const call = { messageId: 'm-1', userId: 'u', event: 'Signed Up' };
    const authorization = { Authorization: `Basic ${Buffer.from('KEY:').toString('base64')}` };
    for (let n = 0; n < 2; n++) {
      expect(await post(call, '/v1/track', authorization)).toEqual({ status: 200, body: { success: true } });
    }
    expect(await stored()).toEqual({ rows: 6, ids: 6 });
  });

  test('is stored again when the window is off, or over', async () => {
    server = await startServer({ config: { dedup: { ids_max: 0 } } });
    for (let n = 0; n < 2; n++)
      expect((await post(testEvents(3))).body).toMatchObject({ accepted: 3, rejected: 0 });
    expect(await stored()).toEqual({ rows: 6, ids: 3 });
    await server.stop();
    server = await startServer({ config: { dedup: { window_ms: 100 } } });
    await post(testEvents(3));
    await until(
      async () => Number((await post(testEvents(3))).body['accepted']) === 3,
      10_000,
      'the ids are forgotten',
    );
  });
});

const main = fileURLToPath(new URL('../faults/killed-main.mjs', import.meta.url));
const last = (note: string) => ({ ...testEvent(1, 'last'), event_data: { note } });

test('with durability memory, what a thread took with it is not known when it is sent again', async () => {
  server = await startServer({ main, config: { journal: { durability: 'memory' }, workers: 2 as never } });
  await server.ready();
  expect(await post([testEvent(1), last('kill-thread-before-answer')])).toMatchObject({ status: 503 });
  // The other thread takes it at once.
  const again = [testEvent(1), last('the same event, without the marker')];
  expect(await post(again)).toMatchObject({ status: 200, body: { accepted: 2 } });
  expect((await post(again)).body).toMatchObject({ accepted: 0, duplicates: 2 });
  expect(await stored()).toEqual({ rows: 2, ids: 2 });
});

describe.each(['os', 'fsync'])('with durability %s', (durability) => {
  const config = { journal: { durability } };

  test('kill -9 after the journal took the events and before the answer: sent again, they are stored once', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'penstock-repeats-test-'));
    server = await startServer({ dataDir, main, config });
    await server.ready();
    expect((await post(testEvents(100))).status).toBe(200);
    const unheard = [...testEvents(10, 'unheard'), last('kill-process-before-answer')];
    await expect(post(unheard)).rejects.toThrow();
    expect(await server.exited).toBe('SIGKILL');
    // Another count of workers: the journal may be another thread's now.
    server = await startServer({ dataDir, config: { ...config, workers: 2 as never } });
    expect((await post(unheard)).body).toMatchObject({ status: 'accepted', accepted: 0, duplicates: 11 });
    expect((await post(testEvents(100))).body).toMatchObject({ accepted: 0, duplicates: 100 });
    expect(await stored()).toEqual({ rows: 111, ids: 111 });
  }, 60_000);

  test('a thread that dies after the journal took the events and before the answer: sent again, they are stored once', async () => {
    server = await startServer({ main, config });
    await server.ready();
    const unheard = [...testEvents(10, 'unheard'), last('kill-thread-before-answer')];
    expect(await post(unheard)).toMatchObject({ status: 503, body: { code: 'worker_lost' } });
    const again = [...testEvents(10, 'unheard'), last('the same event, without the marker')];
    await until(async () => (await post(again)).status === 200, 10_000, 'a thread is back');
    expect(await stored()).toEqual({ rows: 11, ids: 11 });
  });

  test('what was delivered before an ordinary restart is known after it', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'penstock-repeats-test-'));
    const small = { journal: { durability, segment_bytes: 65_536 } };
    server = await startServer({ dataDir, config: small });
    for (let n = 0; n < 20; n++) expect((await post(testEvents(50, 'before', 50 * n))).status).toBe(200);
    expect(await stored()).toEqual({ rows: 1_000, ids: 1_000 });
    expect(await server.stop(true)).toBe(0);
    const kept = readdirSync(join(dataDir, 'journal/0/events')).filter((name) => name.endsWith('.spare'));
    expect(kept.length).toBeGreaterThan(1);
    server = await startServer({ dataDir, config: small });
    expect((await post(testEvents(1_000, 'before'))).body).toMatchObject({ accepted: 0, duplicates: 1_000 });
    expect(await stored()).toEqual({ rows: 1_000, ids: 1_000 });
    expect(server.logs.find((line) => line.msg === 'ids of events kept before were read')).toMatchObject({
      ids: 1_000,
    });
  }, 60_000);
});

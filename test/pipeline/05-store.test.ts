/**
 * Chapter 5, what comes out. Events sent by every door are found by SELECT, whole and equal; those that were
 * rejected are found with their reason and their bytes.
 */
import { gzipSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer } from '../support/appliance.ts';
import { type TestEvent, testEvent, testEvents } from '../support/events.ts';
import { expectLawAtRest } from '../support/metrics.ts';
import { StreamClient } from '../support/stream-client.ts';

let server: Running;
beforeAll(async () => {
  server = await startServer();
  await server.ready();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

async function post(path: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', body, headers });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** Rows as they were sent: the store's columns back in the shape of a client's event. */
async function stored(prefix: string): Promise<TestEvent[]> {
  const rows = await server.query<Record<string, unknown>>(
    `SELECT event_id, event_type, app_id, device_id, timestamp, event_data FROM events
     WHERE startsWith(event_id, '${prefix}-') ORDER BY toUInt32(splitByChar('-', event_id)[2])`,
  );
  return rows.map((row) => {
    const data = row['event_data'] as TestEvent['event_data'] & { n: string | number };
    return {
      ...(row as unknown as TestEvent),
      timestamp: `${String(row['timestamp']).replace(' ', 'T')}Z`,
      event_data: { ...data, n: Number(data.n) },
    };
  });
}

describe('events come out whole and equal', () => {
  test('sent one by one', async () => {
    const events = testEvents(50, 'single');
    for (const event of events) await post('/v1/events', JSON.stringify(event));
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'single-')", 50);
    expect(await stored('single')).toEqual(events);
  });

  test('sent as batches', async () => {
    const events = testEvents(3000, 'batch');
    for (let at = 0; at < 3000; at += 500) {
      expect(await post('/v1/events/batch', JSON.stringify(events.slice(at, at + 500)))).toMatchObject({
        accepted: 500,
      });
    }
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'batch-')", 3000);
    expect(await stored('batch')).toEqual(events);
  });

  test('sent as gzip NDJSON', async () => {
    const events = testEvents(1000, 'ndjson');
    const body = gzipSync(events.map((event) => JSON.stringify(event)).join('\n'));
    await post('/v1/events/batch', body, { 'content-encoding': 'gzip' });
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'ndjson-')", 1000);
    expect(await stored('ndjson')).toEqual(events);
  });

  test('sent as 2,000 WebSocket messages', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    const events = testEvents(2000, 'ws');
    for (const event of events) await client.sendWithinCredit(event);
    await client.acked(2000);
    expect(client.accepted).toBe(2000);
    client.close();
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'ws-')", 2000);
    expect(await stored('ws')).toEqual(events);
  });
});

describe('columns', () => {
  test('integers above 2^53, unknown fields, address, agent and transport are all there', async () => {
    const body = `{"event_id":"columns","event_type":"tap","app_id":"a","user_id":"u","session_id":"s",
      "timestamp":1763640000123,"platform":"ios","os_version":"17.4","app_version":"1.2.3",
      "attribution":{"utm_source":"x"},"event_data":{"big":9007199254740993,"max":18446744073709551615},
      "context":{"locale":"de"},"unknown_field":[1,{"deep":true}],"ip":"1.2.3.4"}`;
    await post('/v1/events', body, { 'user-agent': 'Test "Agent"/1.0' });
    await server.waitForCount("SELECT count() FROM events WHERE event_id = 'columns'", 1);
    const answer = await fetch(`${server.queryUrl}/`, {
      method: 'POST',
      body: "SELECT * FROM events WHERE event_id = 'columns' FORMAT JSONEachRow",
    });
    const text = await answer.text();
    expect(text).toMatch(/"big":"?9007199254740993\b/);
    expect(text).toMatch(/"max":"?18446744073709551615\b/);
    expect(JSON.parse(text)).toMatchObject({
      event_id: 'columns',
      event_type: 'tap',
      app_id: 'a',
      device_id: '',
      user_id: 'u',
      session_id: 's',
      timestamp: '2025-11-20 12:00:00.123',
      platform: 'ios',
      os_version: '17.4',
      app_version: '1.2.3',
      attribution: { utm_source: 'x' },
      context: { locale: 'de', ip: '1.2.3.4' },
      ip: '127.0.0.1',
      user_agent: 'Test "Agent"/1.0',
      dialect: 'penstock',
      transport: 'http',
    });
    expect(text).toMatch(/"unknown_field":\[/);
  });

  test('an escaped lone surrogate is stored as U+FFFD and counted', async () => {
    await post(
      '/v1/events',
      '{"event_id":"half","event_type":"t","app_id":"a","user_id":"x\\ud83c","event_data":{"s":"\\udf89"}}',
    );
    await server.waitForCount("SELECT count() FROM events WHERE event_id = 'half'", 1);
    expect(
      await server.query("SELECT user_id, event_data.s AS s FROM events WHERE event_id = 'half'"),
    ).toEqual([{ user_id: 'x\ufffd', s: '\ufffd' }]);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
      /penstock_surrogates_replaced_total\{[^}]*\} 2\b/,
    );
  });
});

describe('rejected events are kept', () => {
  test('with reason, field, place and raw bytes', async () => {
    const bad = '{"event_type":"lost","app_id":"a","note":"größe"}';
    await fetch(`${server.url}/v1/events/batch`, {
      method: 'POST',
      body: `[${JSON.stringify(testEvent(1))}, ${bad}]`,
    });
    await server.waitForCount("SELECT count() FROM events_rejected WHERE raw LIKE '%lost%'", 1);
    const rows = await server.query("SELECT * FROM events_rejected WHERE raw LIKE '%lost%'");
    expect(rows).toMatchObject([
      {
        reason: 'missing_field',
        field: 'device_id',
        raw: bad,
        dialect: 'penstock',
        transport: 'http',
        ip: '127.0.0.1',
      },
    ]);
    expect(Number(rows[0]!['index'])).toBe(1);
    expect(Number(rows[0]!['raw_bytes'])).toBe(Buffer.byteLength(bad));
  });

  test('also when the bytes are not UTF-8', async () => {
    const raw = Buffer.concat([
      Buffer.from('{"event_type":"broken'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    await fetch(`${server.url}/v1/events`, { method: 'POST', body: raw });
    await server.waitForCount("SELECT count() FROM events_rejected WHERE reason = 'invalid_utf8'", 1);
    const [row] = await server.query<{ hex: string }>(
      "SELECT hex(raw) AS hex FROM events_rejected WHERE reason = 'invalid_utf8'",
    );
    expect(row!.hex.toLowerCase()).toBe(raw.toString('hex'));
  });
});

test('@clickhouse/client pings and queries the embedded store', async () => {
  const client = createClient({ url: server.queryUrl, log: { level: ClickHouseLogLevel.OFF } });
  expect(await client.ping()).toMatchObject({ success: true });
  const result = await client.query({
    query: 'SELECT 1 + {x: UInt8} AS n',
    query_params: { x: 41 },
    format: 'JSONEachRow',
  });
  expect(await result.json()).toEqual([{ n: 42 }]);
  await expect(client.command({ query: 'TRUNCATE TABLE events' })).rejects.toThrow(/readonly/i);
  await client.close();
});

test('counters obey the law at rest: received = accepted + rejected, and delivered rows are all of both', async () => {
  const { received, duplicate } = await expectLawAtRest(server.url);
  expect(duplicate).toBe(0);
  const [{ n }] = (await server.query(
    'SELECT (SELECT count() FROM events) + (SELECT count() FROM events_rejected) AS n',
  )) as [{ n: string }];
  expect(Number(n)).toBe(received);
});

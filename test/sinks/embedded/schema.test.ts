import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHarness, eventLines, type Harness, query, until, untilReady } from './harness.ts';

let harness: Harness;
beforeEach(() => {
  harness = createHarness();
});
afterEach(() => harness.close());

test('the tables are partitioned by week of receipt, ordered for app, type and hour, and have a time to live', async () => {
  const store = harness.start({ ttlDays: 33, rejectedTtlDays: 5 });
  await untilReady(store);
  const tables = await query(
    store,
    "SELECT name, partition_key, sorting_key, create_table_query FROM system.tables WHERE database = 'default' ORDER BY name FORMAT JSONEachRow",
  );
  const [events, rejected] = tables.split('\n').map((row) => JSON.parse(row) as Record<string, string>);
  expect(events).toMatchObject({
    name: 'events',
    partition_key: 'toMonday(received_at)',
    sorting_key: 'app_id, event_type, toStartOfHour(timestamp), device_id, timestamp',
  });
  expect(events?.['create_table_query']).toContain('TTL toDateTime(received_at) + toIntervalDay(33)');
  expect(events?.['create_table_query']).toContain('non_replicated_deduplication_window = 10000');
  expect(events?.['create_table_query']).toContain('`event_data` JSON');
  expect(rejected?.['create_table_query']).toContain('toIntervalDay(5)');
});

test('a second start changes nothing, but follows a new time to live', async () => {
  const first = harness.start();
  await untilReady(first);
  const sink = await harness.sink(first);
  sink.append(eventLines('a', 5), 5);
  await sink.drain();
  await first.stop();
  const second = harness.start({ ttlDays: 400 });
  await untilReady(second);
  expect(await query(second, 'SELECT count() FROM events')).toBe('5');
  expect(
    await query(
      second,
      'SELECT version, count() FROM penstock_schema GROUP BY version ORDER BY version FORMAT CSV',
    ),
  ).toBe('1,1\n2,1');
  expect(await query(second, "SELECT create_table_query FROM system.tables WHERE name = 'events'")).toContain(
    'toIntervalDay(400)',
  );
});

test('older tables are brought forward with their rows, and newer ones are left alone', async () => {
  const schemaDir = join(harness.dataDir, 'schema');
  cpSync('config/schema', schemaDir, { recursive: true });
  const old = harness.start({ schemaDir });
  await untilReady(old);
  const sink = await harness.sink(old);
  sink.append(eventLines('old', 2), 2);
  await sink.drain();
  await old.stop();
  writeFileSync(
    join(schemaDir, '9001_more.sql'),
    "ALTER TABLE events ADD COLUMN IF NOT EXISTS region String DEFAULT 'eu';\nALTER TABLE events_rejected ADD COLUMN IF NOT EXISTS note String;\n",
  );
  const upgraded = harness.start({ schemaDir });
  await untilReady(upgraded);
  const newSink = await harness.sink(upgraded);
  newSink.append(eventLines('new', 1), 1);
  await newSink.drain();
  expect(await query(upgraded, 'SELECT region, count() FROM events GROUP BY region FORMAT CSV')).toBe(
    '"eu",3',
  );
  await upgraded.stop();
  const older = harness.start();
  await until(() => older.fault() !== undefined, 'refused');
  expect(older.fault()).toContain('schema version 9001');
});

test('with String columns the objects are kept to the byte', async () => {
  const store = harness.start({ objectType: 'String' });
  await untilReady(store);
  const sink = await harness.sink(store);
  const object = '{"b":1.0,"a":null,"a%2Eb":{}}';
  sink.append(
    Buffer.from(eventLines('s', 1).toString().replace('"context"', `"event_data":${object},"context"`)),
    1,
  );
  await sink.drain();
  expect(await query(store, 'SELECT event_data FROM events FORMAT TSVRaw')).toBe(object);
});

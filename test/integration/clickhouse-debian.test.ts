/**
 * The wire against a second witness: a server that shares no code with the embedded engine's packaging. What is sent to it
 * is what the sink's connection sends; the tables are its own, since it is too old for Penstock's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { createClickHouseSink } from '../../src/sinks/clickhouse/clickhouse-sink.ts';
import {
  type Connection,
  createConnection,
  type ServerAddress,
} from '../../src/sinks/clickhouse/connection.ts';
import { readFailure } from '../../src/sinks/clickhouse/failures.ts';
import { createRejectedBytes, encodeRejected, REJECTED_COLUMNS } from '../../src/sinks/rejected.ts';
import { eventLines } from '../sinks/embedded/harness.ts';
import { until } from '../support/appliance.ts';
import { DEBIAN_CLICKHOUSE, type DebianClickHouse, startDebianClickHouse } from './debian-clickhouse.ts';

const signal = new AbortController().signal;
const reason = DEBIAN_CLICKHOUSE === undefined ? ' (skipped: no clickhouse-server)' : '';

describe.skipIf(DEBIAN_CLICKHOUSE === undefined)(`Debian’s clickhouse-server${reason}`, () => {
  let server: DebianClickHouse;
  let connection: Connection;
  const addressOf = (password: string): ServerAddress => ({
    url: server.url,
    username: 'default',
    password,
    caFile: '',
    verifyTls: true,
    timeoutMs: 10_000,
  });

  beforeAll(async () => {
    server = await startDebianClickHouse();
    connection = createConnection(addressOf('hunter2'));
    await connection.run(
      'CREATE TABLE events (event_id String, event_type String, app_id String, event_data String) ENGINE = MergeTree ORDER BY event_id',
    );
    await connection.run(
      `CREATE TABLE events_rejected (received_at Int64, app_id String, dialect String, transport String, reason String, field String, index UInt32, raw String, raw_bytes UInt32, ip String, user_agent String) ENGINE = MergeTree ORDER BY received_at`,
    );
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  test('answers a query', async () => {
    expect(await connection.select('SELECT 1 AS a, toString(2) AS b')).toEqual([[1, '2']]);
  });

  test('reads rejected events as RowBinary: every byte, every number', async () => {
    const bytes = createRejectedBytes();
    const raw = Buffer.from([0, 255, 10, 34, 92]);
    encodeRejected(bytes, {
      receivedAtMs: 1_763_683_200_123,
      appId: 'shop',
      dialect: 'penstock',
      transport: 'http',
      reason: 'invalid_type',
      field: 'ü',
      index: 4_294_967_295,
      raw,
      ip: '::1',
      userAgent: Buffer.from('x'.repeat(300)),
    });
    await connection.insert({
      sql: `INSERT INTO events_rejected (${REJECTED_COLUMNS.join(', ')}) FORMAT RowBinary`,
      settings: {},
      views: [bytes.bytes.subarray(0, 100), bytes.bytes.subarray(100, bytes.length)],
      encoding: undefined,
      signal,
    });
    const columns = 'received_at, app_id, field, index, hex(raw), raw_bytes, ip, length(user_agent)';
    expect(await connection.select(`SELECT ${columns} FROM events_rejected`)).toEqual([
      ['1763683200123', 'shop', 'ü', 4_294_967_295, '00FF0A225C', 5, '::1', '300'],
    ]);
  });

  test('reads lines as JSONEachRow, of their columns those that its table has', async () => {
    const lines = Buffer.from(
      '{"event_id":"a","event_type":"t","app_id":"b","event_data":"{\\"n\\":1}"}\n'.repeat(3),
    );
    await connection.insert({
      sql: 'INSERT INTO events (event_id, event_type, app_id, event_data) FORMAT JSONEachRow',
      settings: {},
      views: [lines],
      encoding: undefined,
      signal,
    });
    expect(await connection.select('SELECT count(), any(event_data) FROM events')).toEqual([
      ['3', '{"n":1}'],
    ]);
  });

  test('has what it acknowledged after kill -9', async () => {
    const before = Number((await connection.select('SELECT count() FROM events'))[0]?.[0]);
    const insert = (id: string) =>
      connection.insert({
        sql: 'INSERT INTO events (event_id) FORMAT RowBinary',
        settings: {},
        views: [Buffer.from([id.length]), Buffer.from(id)],
        encoding: undefined,
        signal,
      });
    for (let n = 0; n < 20; n++) await insert(`kill-${n}`);
    await server.kill();
    await expect(insert('lost')).rejects.toSatisfy((error) => readFailure(error).kind === 'unreachable');
    await server.restart();
    await until(
      async () => Number((await connection.select('SELECT count() FROM events'))[0]?.[0]) === before + 20,
      10_000,
      'the rows are back',
    );
  });

  test('says errors that are no guess', async () => {
    await expect(connection.run('SELECT * FROM missing')).rejects.toThrow(/Code: 60/);
    const denied = createConnection(addressOf('wrong'));
    await expect(denied.select('SELECT 1')).rejects.toThrow(/password/i);
    await denied.close();
  });

  test('is told to be too old for a sink, and gets no block that could count twice', async () => {
    const logs: string[] = [];
    const log = (fields: object, message: string) => void logs.push(JSON.stringify(fields) + message);
    const sink = createClickHouseSink(
      {
        address: addressOf('hunter2'),
        database: 'default',
        compression: 'none',
        blockBytesMax: 1 << 20,
        blockRowsMax: 1000,
        flushIntervalMs: 50,
        writesNative: true,
        refusedDir: '/nonexistent',
      },
      { clock: systemClock, logger: { info: log, warn: log, error: log }, onUnreadable: () => {} },
    );
    await until(() => sink.server.state() === 'unprepared', 10_000, 'looked at');
    expect(logs.join('\n')).toMatch(
      /ClickHouse 18\.16\S* is too old: it knows no insert_deduplication_token/,
    );
    const target = sink.events();
    const block = target.begin();
    block.add(eventLines('e', 3), 3);
    expect(await target.send('t', block, signal)).toBe('retry');
    sink.server.close();
  });
});

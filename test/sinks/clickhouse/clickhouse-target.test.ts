/** The sink against a server that says what a test wants. The real engine is in test/integration/clickhouse-sink.test.ts. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import lz4 from 'lz4-napi';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import {
  type ClickHouseSink,
  type ClickHouseSinkSetup,
  createClickHouseSink,
} from '../../../src/sinks/clickhouse/clickhouse-sink.ts';
import { unframeLz4 } from '../../../src/sinks/kafka/lz4-framing.ts';
import { createRejectedBytes, encodeRejected } from '../../../src/sinks/rejected.ts';
import { until } from '../../support/appliance.ts';
import { eventLines } from '../embedded/harness.ts';
import { type FakeAnswer, type FakeServer, startFakeServer } from './fake-server.ts';

let fake: FakeServer;
let refusedDir: string;
const sinks: ClickHouseSink[] = [];
const logs: { level: string; fields: Record<string, unknown>; message: string }[] = [];

beforeEach(async () => {
  fake = await startFakeServer();
  refusedDir = join(mkdtempSync(join(tmpdir(), 'penstock-refused-')), 'refused');
});
afterEach(async () => {
  for (const sink of sinks.splice(0)) sink.server.close();
  await fake.close();
  rmSync(join(refusedDir, '..'), { recursive: true, force: true });
  logs.length = 0;
});

function open(setup: Partial<ClickHouseSinkSetup> = {}, timeoutMs = 5_000): ClickHouseSink {
  const log = (level: string) => (fields: object, message: string) =>
    void logs.push({ level, fields: fields as Record<string, unknown>, message });
  const sink = createClickHouseSink(
    {
      address: { url: fake.url, username: 'u', password: 'hunter2', caFile: '', verifyTls: true, timeoutMs },
      database: 'd',
      compression: 'none',
      blockBytesMax: 1 << 20,
      blockRowsMax: 1000,
      flushIntervalMs: 50,
      writesNative: true,
      refusedDir,
      ...setup,
    },
    {
      clock: systemClock,
      logger: { info: log('info'), warn: log('warn'), error: log('error') },
      onUnreadable: () => {},
    },
  );
  sinks.push(sink);
  return sink;
}

async function ready(sink: ClickHouseSink): Promise<ClickHouseSink> {
  await until(() => sink.server.facts() !== undefined, 5_000, 'the server was asked');
  return sink;
}

const rejectedRows = (count: number): Buffer => {
  const bytes = createRejectedBytes();
  const row = {
    receivedAtMs: 1,
    appId: '',
    dialect: '',
    transport: '',
    reason: '',
    field: '',
    index: 0,
    ip: '',
  };
  for (let n = 0; n < count; n++)
    encodeRejected(bytes, { ...row, raw: Buffer.from('x'), userAgent: Buffer.alloc(0) });
  return bytes.bytes.subarray(0, bytes.length);
};

async function send(
  sink: ClickHouseSink,
  stream: 'events' | 'rejected' = 'events',
  token = 'token',
  signal = new AbortController().signal,
) {
  const target = sink[stream]();
  const block = target.begin();
  block.add(stream === 'events' ? eventLines('e', 3) : rejectedRows(3), 3);
  const outcome = await target.send(token, block, signal);
  block.release();
  return { outcome };
}

describe('a block', () => {
  test('is one INSERT under its token, with the settings that the server knows, and no other', async () => {
    const sink = await ready(open());
    expect((await send(sink)).outcome).toBe('delivered');
    const [insert] = fake.inserts;
    expect(insert?.query).toMatch(/^INSERT INTO `d`\.`events` \(`event_id`, .*`transport`\) FORMAT Native$/);
    expect(Object.fromEntries(insert?.settings ?? [])).toMatchObject({
      insert_deduplication_token: 'token',
      wait_end_of_query: '1',
      async_insert: '0',
    });
    expect(insert?.settings.has('max_insert_threads')).toBe(false);
    expect(sink.server.state()).toBe('ok');
  });

  test('of rejected events is RowBinary, byte for byte', async () => {
    const sink = await ready(open());
    await send(sink, 'rejected');
    expect(fake.inserts[0]?.query).toMatch(
      /^INSERT INTO `d`\.`events_rejected` \(`received_at`, .*\) FORMAT RowBinary$/,
    );
    expect(fake.inserts[0]?.body.equals(rejectedRows(3))).toBe(true);
  });

  test('in lz4 is the same bytes', async () => {
    const plain = await ready(open());
    await send(plain);
    const packed = await ready(open({ compression: 'lz4' }));
    await send(packed);
    const [first, second] = fake.inserts;
    const bytes = unframeLz4(lz4, second?.body ?? Buffer.alloc(0), 1 << 24);
    expect(bytes.equals(first?.body ?? Buffer.alloc(0))).toBe(true);
  });

  test.each([
    ['JSON', true, 'Native'],
    ['String', true, 'Native'],
    ["Object('json')", true, undefined],
    ['JSON', false, 'JSONEachRow'],
  ])('for columns of type %s, native %s, is %s', async (objectType, writesNative, format) => {
    fake.objectType = objectType;
    const sink = open({ writesNative });
    if (format === undefined) {
      await until(() => sink.server.state() === 'unprepared', 5_000, 'refused');
      expect(logs.at(-1)?.fields['reason']).toContain('it must be JSON or String');
      return;
    }
    await ready(sink);
    await send(sink);
    expect(fake.inserts[0]?.query).toContain(`FORMAT ${format}`);
  });
});

describe('an error', () => {
  test.each<readonly [FakeAnswer, string, string]>([
    [[252, 'TOO_MANY_PARTS'], 'retry', 'busy'],
    [[241, 'MEMORY_LIMIT_EXCEEDED', 507], 'retry', 'busy'],
    [[242, 'TABLE_IS_READ_ONLY'], 'retry', 'busy'],
    [[999, 'KEEPER_EXCEPTION'], 'retry', 'busy'],
    [[516, 'AUTHENTICATION_FAILED', 403], 'retry', 'denied'],
    [[60, 'UNKNOWN_TABLE', 404], 'retry', 'unprepared'],
    ['reset', 'retry', 'unreachable'],
    [[27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 400], 'refused', 'ok'],
  ])('%j: the block is to be %s, the server is %s', async (answer, outcome, state) => {
    const sink = await ready(open());
    fake.answers = [answer];
    expect((await send(sink)).outcome).toBe(outcome);
    expect(sink.server.state()).toBe(state);
    // Sent again it keeps its name, and the server is well again.
    expect((await send(sink)).outcome).toBe('delivered');
    expect(new Set(fake.inserts.map(({ token }) => token))).toEqual(new Set(['token']));
    expect(sink.server.state()).toBe('ok');
  });

  test('is told once, loudly where only people can help, and never with the password', async () => {
    const sink = await ready(open());
    fake.always = [516, 'AUTHENTICATION_FAILED', 403];
    for (let n = 0; n < 5; n++) await send(sink);
    const errors = logs.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(1);
    expect(errors[0]?.message).toContain('CLICKHOUSE_PASSWORD');
    expect(JSON.stringify(logs)).not.toContain('hunter2');
  });

  test('in rows that cannot be cut puts the block into a file', async () => {
    const sink = await ready(open());
    fake.answers = [[33, 'CANNOT_READ_ALL_DATA']];
    const { outcome } = await send(sink, 'rejected', 'r-1-2');
    expect(outcome).toBe('aside');
    expect(sink.refusedRows()).toBe(3);
    expect(readdirSync(refusedDir)).toEqual(['r-1-2.rejected.bin']);
  });

  test('in rows of events leaves no file: the journal cuts the block', async () => {
    const sink = await ready(open());
    fake.answers = [[33, 'CANNOT_READ_ALL_DATA']];
    expect((await send(sink)).outcome).toBe('refused');
    expect(existsSync(refusedDir)).toBe(false);
  });
});

describe('silence', () => {
  test('ends with the time for a request, and the block is sent again under its name', async () => {
    const sink = await ready(open({}, 200));
    fake.answers = ['silence'];
    expect((await send(sink)).outcome).toBe('retry');
    expect(sink.server.state()).toBe('unreachable');
    expect((await send(sink)).outcome).toBe('delivered');
    expect(fake.inserts.map(({ token }) => token)).toEqual(['token', 'token']);
  });

  test('ends when the journal gives the block up', async () => {
    const sink = await ready(open());
    fake.answers = ['silence'];
    expect((await send(sink, 'events', 'token', AbortSignal.timeout(100))).outcome).toBe('retry');
  });
});

describe('a server that is not ready', () => {
  test('takes nothing until it is reached; what gathers meanwhile has the form that it has later', async () => {
    fake.always = 'reset';
    const sink = open();
    await until(() => sink.server.state() === 'unreachable', 5_000, 'not reached');
    const target = sink.events();
    const block = target.begin();
    block.add(eventLines('e', 3), 3);
    expect(await target.send('t', block, new AbortController().signal)).toBe('retry');
    expect(fake.inserts).toEqual([]);
    fake.always = undefined;
    await until(() => sink.server.state() === 'ok', 10_000, 'reached');
    expect(await target.send('t', block, new AbortController().signal)).toBe('delivered');
    // The same rows under the same name, gathered since: a token holds for one form.
    const later = target.begin();
    later.add(eventLines('e', 3), 3);
    expect(await target.send('t', later, new AbortController().signal)).toBe('delivered');
    const [first, second] = fake.inserts;
    expect(first?.query).toContain('FORMAT Native');
    expect(first?.body.equals(second?.body ?? Buffer.alloc(0))).toBe(true);
  });

  test.each([
    ['is too old', () => fake.settings.delete('insert_deduplication_token'), '22.3 or newer is needed'],
    [
      'has no tables',
      () => {
        fake.columnsOf = () => [];
      },
      'database d has no table events',
    ],
    [
      'lacks a column',
      () => {
        const { columnsOf } = fake;
        fake.columnsOf = (table) => columnsOf(table).filter(([name]) => name !== 'raw');
      },
      'table d.events_rejected has no column raw',
    ],
    [
      'has a column of another type',
      () => {
        const { columnsOf } = fake;
        fake.columnsOf = (table) =>
          columnsOf(table).map(([name, type]) => [name, name === 'timestamp' ? 'UInt32' : type] as const);
      },
      "column timestamp of table d.events is of type UInt32; it must be DateTime64(3, 'UTC')",
    ],
  ])('because it %s says so, and what to do', async (_what, spoil, words) => {
    spoil();
    const sink = open();
    await until(() => sink.server.state() === 'unprepared', 5_000, 'looked at');
    expect(logs).toMatchObject([
      {
        level: 'error',
        fields: { reason: expect.stringContaining(words) },
        message: expect.stringContaining('penstock migrate'),
      },
    ]);
    expect((await send(sink)).outcome).toBe('retry');
    expect(fake.inserts).toEqual([]);
    expect(sink.server.wasOk()).toBe(false);
  });
});

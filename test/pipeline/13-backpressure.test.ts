/**
 * Chapter 13, more than there is room for. A sink stands still, memory and journal fill: requests are told to come
 * back, streams are given less credit and none at last, uploads wait. Nobody who keeps to what was said is sent away,
 * nothing is dropped, and it heals by itself.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { metricOf } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';
import { StreamClient } from '../support/stream-client.ts';

const MEMORY_BYTES_MAX = SMALL_BOUNDS.memory.max_bytes;
const JOURNAL_BYTES_MAX = SMALL_BOUNDS.journal.max_bytes;

let server: Running;
afterEach(async () => {
  await (server as Running | undefined)?.stop();
});

const limits = { ...SMALL_BOUNDS.limits, wire_bytes_max: 1_000_000 };

function start(journal: object = {}): Promise<void> {
  return startServer({
    config: {
      ...SMALL_BOUNDS,
      limits,
      journal: { ...SMALL_BOUNDS.journal, ...journal },
    },
  }).then((started) => {
    server = started;
    return server.ready();
  });
}

const metric = (name: string) => metricOf(server, name);

describe.each([
  ['the journal', { durability: 'os' }],
  ['memory', { durability: 'memory' }],
])('%s fills behind a sink that stands still', (_what, journal) => {
  test('streams within their credit stay open, requests are told to come back, and every event is there once', async () => {
    await start(journal);
    const store = storePidOf(server);
    process.kill(store, 'SIGSTOP');
    let isOver = false;
    let refusals = 0;
    const most = { memory: 0, journal: 0 };
    const streams = await Promise.all(
      Array.from({ length: 5 }, () => StreamClient.connect(server.streamUrl)),
    );
    const sent = streams.map(() => 0);
    const streaming = streams.map(async (client, n) => {
      while (!isOver && client.isOpen) {
        await client.sendWithinCredit(testEvents(50, `ws${n}`, sent[n]));
        sent[n] = (sent[n] ?? 0) + 50;
        // As much as the credit allows, but not without end once all is well.
        await pause(1);
      }
    });
    const posted: number[] = [0, 0];
    const posting = posted.map(async (_, n) => {
      while (!isOver) {
        const answer = await fetch(`${server.url}/v1/events/batch`, {
          method: 'POST',
          body: JSON.stringify(testEvents(100, `http${n}`, posted[n])),
        });
        if (answer.status === 200) posted[n] = (posted[n] ?? 0) + 100;
        else {
          expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true]);
          refusals += 1;
          await pause(20);
        }
      }
    });
    try {
      await until(
        () => streams.every(({ creditBytes }) => creditBytes === 0),
        20_000,
        'all credits are used up',
      );
      await until(() => refusals > 0, 5_000, 'a request is refused');
      for (let look = 0; look < 20; look++) {
        most.memory = Math.max(most.memory, await metric('penstock_memory_used_bytes'));
        most.journal = Math.max(most.journal, await metric('penstock_journal_bytes'));
        await pause(50);
      }
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      expect((await fetch(`${server.url}/ready`)).status).toBe(503);
      expect(await metric('penstock_websocket_credit_bytes')).toBe(0);
      // One that comes now is welcomed, and told to wait.
      const late = await StreamClient.connect(server.streamUrl);
      expect(late.welcome).toMatchObject({ credit_bytes: 0 });
      late.close();
    } finally {
      process.kill(store, 'SIGCONT');
    }
    await until(() => streams.every(({ creditBytes }) => creditBytes > 0), 20_000, 'credits grow back');
    await pause(500);
    isOver = true;
    await Promise.all([...streaming, ...posting]);
    for (const [n, client] of streams.entries()) {
      await client.acked((sent[n] ?? 0) / 50);
      expect([client.isOpen, client.accepted]).toEqual([true, sent[n]]);
    }
    expect(most.memory).toBeLessThanOrEqual(MEMORY_BYTES_MAX);
    if (journal.durability === 'os') expect(most.journal).toBeLessThanOrEqual(JOURNAL_BYTES_MAX);
    const total = [...sent, ...posted].reduce((sum, count) => sum + count, 0);
    expect(await server.waitForCount('events', total)).toBe(total);
    const [row] = await server.query<{ ids: string }>('SELECT uniqExact(event_id) AS ids FROM events');
    expect(Number(row?.ids)).toBe(total);
  }, 90_000);
});

test('a client that sends on without credit is closed with 1013; what was acknowledged is there', async () => {
  await start();
  const store = storePidOf(server);
  process.kill(store, 'SIGSTOP');
  const polite = await StreamClient.connect(server.streamUrl);
  const rude = await StreamClient.connect(server.streamUrl);
  for (let n = 0; n < 2000 && rude.isOpen; n++) {
    rude.send(testEvents(100, 'rude', n * 100));
    await rude.acked(n + 1).catch(() => {});
  }
  expect(await rude.closed).toMatchObject({ code: 1013 });
  expect([rude.creditBytes, polite.isOpen]).toEqual([0, true]);
  process.kill(store, 'SIGCONT');
  await until(() => polite.creditBytes > 0, 20_000, 'the credit grows back');
  await polite.sendWithinCredit(testEvents(10, 'polite'));
  await polite.acked(1);
  await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'rude-')", rude.accepted);
}, 60_000);

describe('uploads', () => {
  const body = Buffer.from(JSON.stringify(testEvents(1000, 'upload')).padEnd(900_000));

  async function begin(bytes: number) {
    const socket = await openSocket(server.url);
    socket.write(`POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
    socket.write(body.subarray(0, bytes));
    return socket;
  }

  /** Uploads that hold all the memory that uploads may have: 1 MiB each of 4 MiB. */
  async function holdMemory() {
    const sockets = await Promise.all(Array.from({ length: 4 }, () => begin(600_000)));
    await until(
      async () => (await metric('penstock_memory_used_bytes')) >= 4 * 1_048_576,
      5_000,
      'it is held',
    );
    return sockets;
  }

  test('wait for memory, and are taken when others are done', async () => {
    await start();
    const holding = await holdMemory();
    const waiting = await begin(100_000);
    await until(async () => (await metric('penstock_uploads_waiting')) === 1, 5_000, 'one waits');
    waiting.write(body.subarray(100_000));
    // Small ones need none of that memory.
    const small = await fetch(`${server.url}/v1/events/batch`, {
      method: 'POST',
      body: JSON.stringify(testEvents(10, 'small')),
    });
    expect(small.status).toBe(200);
    expect(await metric('penstock_uploads_waiting')).toBe(1);
    const answers = [...holding, waiting].map((socket) => readAnswer(socket, 10_000));
    for (const socket of holding) socket.write(body.subarray(600_000));
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(5).fill(200));
    expect(await metric('penstock_uploads_waiting')).toBe(0);
    expect(await server.waitForCount('events', 1010)).toBeGreaterThanOrEqual(1010);
  });

  test('are refused with Retry-After when none comes in time', async () => {
    await start();
    const holding = await holdMemory();
    const waiting = await begin(100_000);
    const startedAt = performance.now();
    // Others stay slow but alive, or the server would end them first.
    const dripping = setInterval(() => {
      for (const socket of holding) socket.write(' ');
    }, 500);
    const answer = await readAnswer(waiting, 10_000);
    clearInterval(dripping);
    expect(answer.status).toBe(503);
    expect(answer.head.toLowerCase()).toContain('retry-after');
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'overloaded' });
    expect(performance.now() - startedAt).toBeGreaterThan(4_000);
    for (const socket of holding) socket.destroy();
    await until(
      async () => (await metric('penstock_memory_used_bytes')) < 2 * 1_048_576,
      5_000,
      'it is given back',
    );
  });

  test('of clients that leave while they wait hold nothing', async () => {
    await start();
    const holding = await holdMemory();
    const waiting = await begin(100_000);
    await until(async () => (await metric('penstock_uploads_waiting')) === 1, 5_000, 'one waits');
    waiting.destroy();
    for (const socket of holding) socket.destroy();
    await until(async () => (await metric('penstock_uploads_waiting')) === 0, 8_000, 'none waits');
    await until(async () => (await metric('penstock_requests_in_flight')) === 0, 8_000, 'none is in flight');
    await until(
      async () => (await metric('penstock_memory_used_bytes')) < 2 * 1_048_576,
      5_000,
      'it is given back',
    );
  });
});

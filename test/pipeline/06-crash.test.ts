/**
 * Chapter 6, what breaks. Threads die, the engine aborts, memory fills, the process is told to go. Each has a clear
 * answer, disturbs nothing else, and takes back no acknowledgement that was given.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type Running, startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { expectLawAtRest } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';
import { StreamClient } from '../support/stream-client.ts';

let server: Running;
afterEach(async () => {
  // A test whose server is meant to fail has none.
  await (server as Running | undefined)?.stop();
});

function post(events: unknown, path = '/v1/events/batch') {
  return fetch(`${server.url}${path}`, { method: 'POST', body: JSON.stringify(events) });
}

/** Whether a request is admitted and has no answer. */
async function inFlight(running: Running): Promise<boolean> {
  const text = await (await fetch(`${running.url}/metrics`)).text();
  return /penstock_requests_in_flight\{[^}]*\} [1-9]/.test(text);
}

const storePid = () => storePidOf(server);

describe('a worker thread that dies', () => {
  const crashing = { main: fileURLToPath(new URL('../faults/crashing-main.mjs', import.meta.url)) };

  test('is replaced; its requests are answered 503 worker_lost, later ones as ever', async () => {
    server = await startServer({ ...crashing, config: { workers: 2 as never } });
    await server.ready();
    expect((await post(testEvents(10, 'before'))).status).toBe(200);
    const lost = await post([{ ...testEvent(1), event_data: { note: 'kill-this-worker' } }]);
    expect(lost.status).toBe(503);
    expect(await lost.json()).toMatchObject({ code: 'worker_lost' });
    expect(Number(lost.headers.get('retry-after'))).toBeGreaterThan(0);
    for (let n = 0; n < 20; n++) expect((await post(testEvents(10, `after-${n}`))).status).toBe(200);
    await until(async () => (await fetch(`${server.url}/ready`)).ok, 5_000, 'both workers are back');
    expect(await (await fetch(`${server.url}/metrics`)).text()).toMatch(
      /penstock_worker_deaths_total\{[^}]*\} 1\b/,
    );
    expect(server.logs.some((line) => line.msg === 'worker thread died')).toBe(true);
    await expectLawAtRest(server.url);
  });

  test('closes its WebSocket clients with 1013, so that they send again what has no ack', async () => {
    server = await startServer(crashing);
    const client = await StreamClient.connect(server.streamUrl);
    client.send(testEvent(1, 'safe'));
    await client.acked(1);
    client.send({ ...testEvent(2), event_data: { note: 'kill-this-worker' } });
    expect(await client.closed).toMatchObject({ code: 1013 });
    expect(client.ackedSeq).toBe(1);
    const again = await StreamClient.connect(server.streamUrl);
    again.send(testEvent(2, 'again'));
    await again.acked(1);
    expect(again.accepted).toBe(1);
    again.close();
  });

  test('again and again does not end the process', async () => {
    server = await startServer(crashing);
    for (let n = 0; n < 5; n++) {
      expect((await post([{ ...testEvent(n), event_data: { note: 'kill-this-worker' } }])).status).toBe(503);
      await until(
        async () => (await post(testEvents(5, `round-${n}`))).status === 200,
        5_000,
        'a worker is back',
      );
    }
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
  });
});

test('workers that cannot load end the process with a clear word, instead of hanging every request', async () => {
  const main = fileURLToPath(new URL('../faults/broken-main.mjs', import.meta.url));
  // It may end before or after it has answered /health.
  const said = await startServer({ main }).then(
    async (started) => {
      await started.exited;
      return JSON.stringify(started.logs);
    },
    (error: Error) => error.message,
  );
  expect(said).toContain('no worker thread can be started');
});

describe('an engine that aborts', () => {
  test('is started again, the front never stops, and every accepted event is there once', async () => {
    server = await startServer();
    await server.ready();
    // Ready may come before the query door, of which the log line waits.
    await until(() => server.logs.some((line) => line.msg === 'store is up'), 20_000, 'up');
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      for (let n = 0; n < 10; n++) {
        expect((await post(testEvents(200, 'engine', sent))).status).toBe(200);
        sent += 200;
        if (n === 5) process.kill(storePid(), 'SIGKILL');
      }
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await until(
        () => server.logs.filter((line) => line.msg === 'store is up').length === round + 2,
        20_000,
        'restart',
      );
    }
    await server.waitForCount('events', sent);
    const [row] = await server.query<Record<string, string>>(
      'SELECT count() AS n, uniq(event_id) AS ids FROM events',
    );
    expect([Number(row!['n']), Number(row!['ids'])]).toEqual([sent, sent]);
    expect(await expectLawAtRest(server.url)).toMatchObject({ received: sent, accepted: sent });
  });
});

describe.each([
  ['the journal', { durability: 'os', max_bytes: 8_388_608, segment_bytes: 1_048_576 }],
  ['memory', { durability: 'memory', segment_bytes: 1_048_576 }],
])('%s at its bound', (_what, journal) => {
  test('is answered 503 overloaded with Retry-After, /ready says so, /health stays green, and it heals', async () => {
    server = await startServer({
      config: {
        ...SMALL_BOUNDS,
        journal,
      },
    });
    await server.ready();
    const pid = storePid();
    process.kill(pid, 'SIGSTOP');
    let sent = 0;
    let refused: Response | undefined;
    let streamed = 0;
    try {
      while (refused === undefined && sent < 300_000) {
        const answer = await post(testEvents(500, 'full', sent));
        if (answer.status === 200) sent += 500;
        else refused = answer;
      }
      expect(refused?.status).toBe(503);
      expect(await refused!.json()).toMatchObject({ code: 'overloaded' });
      expect(Number(refused!.headers.get('retry-after'))).toBeGreaterThan(0);
      // Small frames find room a little longer than bodies in pieces; then a client that knows nothing of credits is told.
      const stream = await StreamClient.connect(server.streamUrl);
      for (let n = 0; n < 500 && stream.isOpen; n++) {
        stream.send(testEvents(300, 'stream', n * 300));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      expect(await stream.closed).toMatchObject({ code: 1013 });
      streamed = stream.accepted;
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      await until(async () => (await fetch(`${server.url}/ready`)).status === 503, 2_000, '/ready says no');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await until(
      async () => (await post(testEvents(1, 'healed'))).status === 200,
      20_000,
      'it takes events again',
    );
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'full-')", sent);
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'stream-')", streamed);
    await expectLawAtRest(server.url);
  }, 60_000);
});

describe('SIGTERM', () => {
  test('finishes what is in flight, stores it, and exits 0', async () => {
    server = await startServer();
    await server.ready();
    const body = Buffer.from(JSON.stringify(testEvents(500, 'half')));
    const uploading = await openSocket(server.url);
    uploading.write(`POST /v1/events/batch HTTP/1.1\r\nhost: a\r\ncontent-length: ${body.length}\r\n\r\n`);
    uploading.write(body.subarray(0, 20_000));
    const answers = Array.from({ length: 20 }, (_, n) => post(testEvents(500, 'last', n * 500)));
    // All of them have been admitted when the upload's first half and a later request have been read.
    await fetch(`${server.url}/health`);
    await until(() => inFlight(server), 2_000, 'the upload is in flight');
    const statuses = Promise.all(answers.map(async (answer) => (await answer).status));
    const finished = await statuses;
    server.signal('SIGTERM');
    await until(() => server.logs.some((line) => line.msg === 'draining'), 2_000, 'the drain begins');
    uploading.write(body.subarray(20_000));
    const late = await readAnswer(uploading);
    expect([late.status, JSON.parse(late.body).accepted]).toEqual([200, 500]);
    expect(finished).toEqual(Array(20).fill(200));
    expect(await server.exited).toBe(0);
    const dataDir = server.dataDir;
    server = await startServer({ dataDir });
    await server.ready();
    expect(await server.waitForCount('events', 21 * 500)).toBe(21 * 500);
  });

  test('keeps to its time when the store hangs; what is left stays in the journal, and it exits 0', async () => {
    server = await startServer({ config: { drain_timeout_ms: 3000 as never } });
    await server.ready();
    const store = storePid();
    expect((await post(testEvents(10, 'hung'))).status).toBe(200);
    process.kill(store, 'SIGSTOP');
    expect((await post(testEvents(10, 'hung', 10))).status).toBe(200);
    const startedAt = performance.now();
    server.signal('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(4000);
    expect(server.logs.some((line) => line.msg === 'what is not delivered yet stays in the journal')).toBe(
      true,
    );
    await until(() => !existsSync(`/proc/${store}`), 2_000, 'the store is gone too');
    const dataDir = server.dataDir;
    server = await startServer({ dataDir });
    await server.ready();
    expect(await server.waitForCount('events', 20)).toBe(20);
  });

  test('with events in memory only, exits 1 and says how many were not delivered', async () => {
    const journal = { durability: 'memory' };
    server = await startServer({ config: { drain_timeout_ms: 3000 as never, journal } });
    await server.ready();
    const store = storePid();
    process.kill(store, 'SIGSTOP');
    expect((await post(testEvents(10, 'hung'))).headers.get('penstock-ack')).toBe('memory');
    server.signal('SIGTERM');
    expect(await server.exited).toBe(1);
    const said = server.logs.find((line) => line.msg === 'stopped, but not all was delivered');
    expect(JSON.stringify(said)).toContain('10 events were in memory only');
  });

  test('closes streams with 1012 when their messages are acknowledged, and refuses new requests on open connections', async () => {
    server = await startServer();
    await server.ready();
    const client = await StreamClient.connect(server.streamUrl);
    const idle = await openSocket(server.url);
    idle.write('GET /health HTTP/1.1\r\nhost: a\r\n\r\n');
    await readAnswer(idle);
    for (const event of testEvents(200, 'drained')) client.send(event);
    await client.acked(1);
    server.signal('SIGTERM');
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(client.accepted).toBe(client.ackedSeq);
    expect(await server.exited).toBe(0);
  });

  test('a second signal leaves at once', async () => {
    server = await startServer();
    await server.ready();
    process.kill(storePid(), 'SIGSTOP');
    const stopped = storePid();
    expect((await post(testEvents(10, 'stuck'))).status).toBe(200);
    server.signal('SIGTERM');
    await until(() => server.logs.some((line) => line.msg === 'stopping'), 5_000, 'the drain begins');
    server.signal('SIGINT');
    expect(await server.exited).toBe(1);
    // A store that hangs would keep the engine from the next start.
    await until(() => !existsSync(`/proc/${stopped}`), 2_000, 'the store is gone too');
  });
});

test('a port in use is said at once, and the process ends', async () => {
  server = await startServer();
  const port = Number(new URL(server.url).port);
  await expect(startServer({ config: { http: { port } } })).rejects.toThrow(/in use/);
});

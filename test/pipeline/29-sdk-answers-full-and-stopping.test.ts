/**
 * Chapter 29, what every SDK hears of a server that is full, and of one that stops: those that come back are told when,
 * and for those that never do there is room until it is full too.
 */
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { startServer, storePidOf, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { scrape } from '../support/metrics.ts';
import { openSocket, readAnswer } from '../support/raw-http.ts';
import { basic, KEY } from '../support/real-sdk.ts';
import { base64, FAMILIES, type Family, json, SEGMENT_OK, track } from '../support/sdk-answer-families.ts';
import {
  exchange,
  expectOpen,
  expectRefused,
  expectTaken,
  headerOf,
  ORIGIN,
} from '../support/sdk-answers.ts';
import { SMALL_BOUNDS } from '../support/small-bounds.ts';

test('a full journal: 503 to those that come back, 200 to those that never do, until their part is full too', async () => {
  const full = await startServer({
    config: {
      apps: [{ name: 'shop', keys: [KEY] }] as never,
      ...SMALL_BOUNDS,
    },
  });
  await full.ready();
  const store = storePidOf(full);
  process.kill(store, 'SIGSTOP');
  const socket = await openSocket(full.url);
  try {
    const fill = async (from: number) => {
      const body = json(testEvents(200, 'fill', from));
      return (await exchange(socket, { path: '/v1/events/batch', headers: basic(KEY), body })).status;
    };
    let status = 200;
    for (let from = 0; status === 200 && from < 300_000; from += 200) status = await fill(from);
    expect(status).toBe(503);
    for (const family of FAMILIES) {
      const answer = await exchange(socket, family.send(KEY));
      if (family.cannotRetry) expectTaken(answer, family.ok);
      else expectRefused(answer, family, 503, 'early');
    }
    // What is kept for them ends as well.
    const properties = { token: KEY, filler: 'x'.repeat(40_000) };
    const body = `data=${base64([{ event: 'e', properties }])}`;
    for (let sent = 0; status !== 200 || sent === 0; sent++) {
      const answer = await exchange(socket, { path: '/track', body });
      if (answer.status === 503) break;
      expect([answer.status, sent < 1_000]).toEqual([200, true]);
    }
    for (const family of FAMILIES)
      expectRefused(await exchange(socket, family.send(KEY)), family, 503, 'early');
    await expectOpen(socket);
  } finally {
    process.kill(store, 'SIGCONT');
  }
  expect(await full.stop()).toBe(0);
}, 120_000);

test('a server that stops: 503 on connections that are open, which it asks to be closed', async () => {
  const stopping = await startServer({ config: { apps: [{ name: 'shop', keys: [KEY] }] as never } });
  await stopping.ready();
  const body = json({ batch: [track] });
  const slow = await openSocket(stopping.url);
  const head = `POST /v1/batch HTTP/1.1\r\nhost: a\r\norigin: ${ORIGIN}\r\nauthorization: ${basic(KEY).authorization}\r\n`;
  slow.write(`${head}content-length: ${body.length}\r\n\r\n${body.slice(0, 10)}`);
  await until(
    async () => /penstock_requests_in_flight\{[^}]*\} [1-9]/.test(await scrape(stopping.url)),
    10_000,
    'the slow request is in flight',
  );
  // All at once, before and after: uWebSockets ends a connection that says nothing for 10 s.
  const sockets = await Promise.all(FAMILIES.map(() => openSocket(stopping.url)));
  const all = () =>
    Promise.all(FAMILIES.map((family, index) => exchange(sockets[index] as Socket, family.send(KEY))));
  for (const [index, answer] of (await all()).entries()) {
    expectTaken(answer, (FAMILIES[index] as Family).ok);
  }
  slow.write(body.slice(10, 20));
  stopping.signal('SIGTERM');
  await until(() => stopping.logs.some(({ msg }) => msg === 'draining'), 10_000, 'the drain begins');
  for (const [index, answer] of (await all()).entries()) {
    expectRefused(answer, FAMILIES[index] as Family, 503, 'early');
    expect(headerOf(answer, 'connection')).toBe('close');
  }
  const last = readAnswer(slow);
  slow.write(body.slice(20));
  const answer = await last;
  expectTaken(answer, SEGMENT_OK);
  expect(headerOf(answer, 'connection')).toBe('close');
  expect(await stopping.exited).toBe(0);
  await stopping.stop();
  for (const socket of [...sockets, slow]) socket.destroy();
}, 60_000);

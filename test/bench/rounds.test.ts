/** A round of the bench: it counts to the event, and a stall of the server shows in the latency of what was due meanwhile. */
import { afterEach, expect, test } from 'vitest';
import type * as payloads from '../../bench/payloads.ts';
import type { PeerServer } from '../../bench/peers/peer.ts';
import type * as rounds from '../../bench/rounds.ts';
import { type Lies, startLyingServer } from './lying-server.ts';

// Built: the generator is a program of its own.
const built = (name: string) => new URL(`../../dist/bench/${name}.js`, import.meta.url).href;
const { runRound } = (await import(built('rounds'))) as typeof rounds;
const { createBodies } = (await import(built('payloads'))) as typeof payloads;

const EVENTS_PER_BODY = 10;
let server: PeerServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function run(lies: Lies, rate?: number) {
  server = await startLyingServer(EVENTS_PER_BODY, lies);
  const load = {
    path: '/v1/events/batch',
    bodies: createBodies({ seed: 1, size: 'small', eventsPerBody: EVENTS_PER_BODY, count: 4 }),
    eventsPerBody: EVENTS_PER_BODY,
    connections: 4,
    seconds: 1,
    ...(rate === undefined ? {} : { rate }),
  };
  return runRound(server, load, [], { stalledMs: 300 });
}

test('events that are accepted and stored once make a round', async () => {
  const round = await run({});
  expect(round.events).toBeGreaterThan(0);
  expect(round.events % EVENTS_PER_BODY).toBe(0);
  expect(round.eventsInAll).toBeGreaterThanOrEqual(round.events);
  expect(round.latency.p50).toBeGreaterThan(0);
  expect(round.residentMiB.length).toBeGreaterThan(2);
});

test('one event that is accepted and not stored ends the run', async () => {
  await expect(run({ lostEvents: 1 })).rejects.toThrow(/events are lost/);
});

test('one event that is stored twice ends the run', async () => {
  await expect(run({ repeatedEvents: 1 })).rejects.toThrow(/some twice/);
});

test('on schedule, what was due while the server stalled is late by the stall', async () => {
  const stallMs = 400;
  const { latency } = await run({ stallMs }, 400);
  expect(latency.max).toBeGreaterThanOrEqual(stallMs * 0.9);
  // A fifth of the round's requests were due in the stall: four connections alone would be under one per cent of them.
  expect(latency.p90).toBeGreaterThan(stallMs * 0.2);
});

/** Events sent to servers that share a Redis, and where their ids are then: in it, and in the servers' tables. */
import { expect } from 'vitest';
import { type Running, until } from '../support/appliance.ts';
import { metricOf } from '../support/metrics.ts';
import type { TestRedis } from '../support/redis.ts';

/** The answer to a batch, which must be 200. */
export async function post(server: Running, events: unknown, headers = {}): Promise<Record<string, unknown>> {
  const answer = await fetch(`${server.url}/v1/events/batch`, {
    method: 'POST',
    body: JSON.stringify(events),
    headers,
  });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

/** Ids of a server's table, once its journal is delivered. */
export async function storedIds(server: Running): Promise<string[]> {
  await server.ready();
  await until(() => server.logs.some(({ msg }) => msg === 'store is up'), 10_000, 'the log says so');
  await until(
    async () => (await metricOf(server, 'penstock_journal_rows')) === 0,
    40_000,
    'the journal is delivered',
  );
  const rows = await server.query<{ id: string }>('SELECT event_id AS id FROM events');
  return rows.map(({ id }) => id);
}

/** Resolves when Redis knows so many ids. */
export async function untilTold({ client }: TestRedis, count: number): Promise<void> {
  const told = async () => {
    const names = (await client.keys('penstock:ids:*')).filter((name) => name !== 'penstock:ids-key');
    const sizes = await Promise.all(names.map((name) => client.scard(name)));
    return sizes.reduce((sum, size) => sum + size, 0) >= count;
  };
  await until(told, 10_000, `${count} ids are told`);
}

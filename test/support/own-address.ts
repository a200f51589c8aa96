/** Events that say where they are from, sent to a server of some privacy settings, and the rows that come of them. */
import { expect } from 'vitest';
import { type Running, startServer } from './appliance.ts';
import type { Family, Said } from './own-address-families.ts';
import { KEY } from './real-sdk.ts';
import { rowsOf } from './segment.ts';

/** An address in a spelling that no row has, and an agent in which much is escaped. */
export const OWN_IP = '2001:DB8:1:2::00ff';
export const OWN_AGENT = 'Own "Agent" \\ é 🎉/1.0';
export const BOTH: Said = { ip: OWN_IP, agent: OWN_AGENT };

/** What the connection says. */
export const PEER = '127.0.0.1';
export const HEADER = 'chapter/31';

/** What stands in the columns of an event that says nothing. */
export const connectionOf = ({ isDirect }: Family) => ({
  ip: isDirect ? PEER : '',
  user_agent: isDirect ? HEADER : '',
});

/** Starts a server of these privacy settings, with one app. */
export async function start(privacy: Record<string, unknown>): Promise<Running> {
  const server = await startServer({ config: { apps: [{ name: 'shop', keys: [KEY] }] as never, privacy } });
  await server.ready();
  return server;
}

/** Sends a request, which must be taken. */
export async function send(
  server: Running,
  { path, body, headers }: ReturnType<Family['request']>,
  more: Record<string, string> = {},
): Promise<void> {
  const answer = await fetch(`${server.url}${path}`, {
    headers: { 'user-agent': HEADER, ...headers, ...more },
    ...(body !== undefined && {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  });
  expect([path, answer.status, await answer.text()]).toEqual([path, 200, expect.anything()]);
}

let sent = 0;
/** The row of an event that this family sends, saying so much of itself. */
export async function rowWhen(
  server: Running,
  family: Family,
  said: Said,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const id = `own-${++sent}`;
  await send(server, family.request(id, said), headers);
  return await rowOf(server, id);
}

/** The row of the event of this id, once it is stored. */
export async function rowOf(server: Running, id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

/** The value at a path of a row, whose objects are as the store gives them. */
export function at(row: Record<string, unknown>, path: string | undefined): unknown {
  return path
    ?.split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], row);
}

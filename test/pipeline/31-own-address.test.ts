/**
 * Chapter 31, who may say where an event is from. The columns `ip` and `user_agent` are the connection's, for events of
 * whoever holds the connection, unless `privacy.from_events` lets events say their own: then these stand there, also of
 * servers, whose connections say nothing of people. What is said is either an address or nothing, and the privacy settings
 * hold for it as for a connection's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Running } from '../support/appliance.ts';
import {
  at,
  BOTH,
  connectionOf,
  HEADER,
  OWN_AGENT,
  OWN_IP,
  PEER,
  rowOf,
  rowWhen,
  send,
  start,
} from '../support/own-address.ts';
import { byName, FAMILIES } from '../support/own-address-families.ts';
import { basic, KEY } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

describe('without privacy.from_events', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({});
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(FAMILIES)(
    '$name: the columns are the connection’s or empty, what was said stays in the data',
    async (family) => {
      const row = await rowWhen(server, family, BOTH);
      expect(row).toMatchObject(connectionOf(family));
      expect(at(row, family.ipKept)).toBe(OWN_IP);
      if (family.agentKept !== undefined) expect(at(row, family.agentKept)).toBe(OWN_AGENT);
    },
  );
});

describe('with privacy.from_events', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(FAMILIES)(
    '$name: what it says stands in the columns, spelt as a connection’s',
    async (family) => {
      const row = await rowWhen(server, family, BOTH);
      const agent = family.saysNoAgent ? connectionOf(family).user_agent : OWN_AGENT;
      expect(row).toMatchObject({ ip: '2001:db8:1:2::ff', user_agent: agent });
    },
  );

  test.each(FAMILIES)(
    '$name: a field of the event itself moves into its column, one within an object stays there too',
    async (family) => {
      const row = await rowWhen(server, family, BOTH);
      const isWithin = /Segment|RudderStack|Jitsu|PostHog|Mixpanel/.test(family.name);
      expect(at(row, family.ipKept)).toBe(isWithin ? OWN_IP : undefined);
    },
  );

  test.each(FAMILIES)('$name: an address alone leaves the agent to the connection', async (family) => {
    const row = await rowWhen(server, family, { ip: '198.51.100.9' });
    expect(row).toMatchObject({ ...connectionOf(family), ip: '198.51.100.9' });
  });

  test.each(FAMILIES.filter(({ saysNoAgent }) => saysNoAgent !== true))(
    '$name: an agent alone leaves the address to the connection',
    async (family) => {
      const row = await rowWhen(server, family, { agent: 'Own/2' });
      expect(row).toMatchObject({ ...connectionOf(family), user_agent: 'Own/2' });
    },
  );

  test.each(FAMILIES)(
    '$name: one that says nothing has the connection’s, if it is its own',
    async (family) => {
      expect(await rowWhen(server, family, {})).toMatchObject(connectionOf(family));
    },
  );

  test('Amplitude’s $remote asks for the connection’s address', async () => {
    const row = await rowWhen(server, byName('Amplitude on a server'), { ip: '$remote', agent: 'Own/3' });
    expect(row).toMatchObject({ ip: PEER, user_agent: 'Own/3' });
  });

  test('a profile of Mixpanel says its address beside its properties', async () => {
    const update = {
      $token: KEY,
      $distinct_id: 'u',
      $insert_id: 'mp-own',
      $set: { a: 1 },
      $ip: '192.0.2.44',
    };
    await send(server, { path: '/engage', body: [update] });
    await server.waitForCount("SELECT count() FROM events WHERE event_type = '$profile_update'", 1);
    const [row] = await rowsOf(server, "event_type = '$profile_update'");
    expect(row).toMatchObject({ ip: '192.0.2.44' });
  });

  test('CloudEvents say neither: an extension of that name is data', async () => {
    const body = { specversion: '1.0', id: 'ce-own', type: 't', source: '/s', appid: KEY, ip: OWN_IP };
    await send(server, { path: '/events', body });
    expect(await rowOf(server, 'ce-own')).toMatchObject({ ip: '', event_data: { ip: OWN_IP } });
  });

  test.each(['Snowplow on a server', 'Snowplow in a browser'])(
    'SP-Anonymous, %s: neither address nor agent, whoever says them',
    async (name) => {
      const row = await rowWhen(server, byName(name), BOTH, { 'sp-anonymous': '*' });
      expect(row).toMatchObject({ ip: '', user_agent: '' });
    },
  );

  test('messages of the stream say their own as requests do', async () => {
    const socket = new WebSocket(`${server.streamUrl}?key=${KEY}`, { headers: { 'user-agent': HEADER } });
    await new Promise((resolve) => socket.once('open', resolve));
    for (const [id, said] of [
      ['ws-own', { ip: OWN_IP, user_agent: OWN_AGENT }],
      ['ws-none', {}],
    ] as const)
      socket.send(JSON.stringify({ event_id: id, event_type: 't', user_id: 'u', ...said }));
    expect(await rowOf(server, 'ws-own')).toMatchObject({ ip: '2001:db8:1:2::ff', user_agent: OWN_AGENT });
    expect(await rowOf(server, 'ws-none')).toMatchObject({ ip: PEER, user_agent: HEADER });
    socket.close();
  });

  test('each event of a batch has its own, its neighbours none of it', async () => {
    const event = (event_id: string, said: object) => ({ event_id, event_type: 't', user_id: 'u', ...said });
    const body = [
      event('mix-1', { ip: '192.0.2.1' }),
      event('mix-2', {}),
      event('mix-3', { ip: '192.0.2.3' }),
    ];
    await send(server, { path: '/v1/events/batch', body, headers: basic(KEY) });
    for (const [id, ip] of [
      ['mix-1', '192.0.2.1'],
      ['mix-2', PEER],
      ['mix-3', '192.0.2.3'],
    ] as const)
      expect(await rowOf(server, id)).toMatchObject({ ip, user_agent: HEADER });
  });
});

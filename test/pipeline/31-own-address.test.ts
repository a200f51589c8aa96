/**
 * Chapter 31, who may say where an event is from. The columns `ip` and `user_agent` are the connection's, for events of
 * whoever holds the connection, unless `privacy.from_events` lets events say their own: then these stand there, also of
 * servers, whose connections say nothing of people. What is said is either an address or nothing, and the privacy settings
 * hold for it as for a connection's.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Running, startServer } from '../support/appliance.ts';
import { KEY } from '../support/real-sdk.ts';
import { rowsOf } from '../support/segment.ts';

const OWN_IP = '2001:DB8:1:2::00ff';
const OWN_AGENT = 'Own "Agent" \\ é 🎉/1.0';
/** What the connection says. */
const PEER = '127.0.0.1';
const HEADER = 'chapter/31';

interface Said {
  readonly ip?: unknown;
  readonly agent?: unknown;
}

interface Family {
  readonly name: string;
  /** Whether its event is of whoever holds the connection: then the connection's stands where the event says nothing. */
  readonly isDirect: boolean;
  /** Where the row keeps what was said, beside the columns; a path of fields. */
  readonly ipKept?: string;
  readonly agentKept?: string;
  /** It has no place for this one. */
  readonly saysNoAgent?: boolean;
  request(id: string, said: Said): { path: string; body?: object | string; headers?: Record<string, string> };
}

const segment = (id: string, library: string, { ip, agent }: Said) => ({
  ...{ type: 'track', event: 'e', messageId: id, userId: 'u' },
  context: { ip, userAgent: agent, library: { name: library } },
});
const posthog = (id: string, { ip, agent }: Said, more: object) => ({
  ...{ event: 'e', uuid: id, distinct_id: 'u' },
  properties: { $ip: ip, $raw_user_agent: agent, ...more },
});
const snowplow = (id: string, p: string, { ip, agent }: Said) => ({
  path: '/com.snowplowanalytics.snowplow/tp2',
  body: { schema: 's', data: [{ e: 'pv', eid: id, p, aid: KEY, ip, ua: agent }] },
});
const basic = { authorization: `Basic ${Buffer.from(`${KEY}:`).toString('base64')}` };

const FAMILIES: readonly Family[] = [
  {
    name: 'Penstock’s own event',
    isDirect: true,
    ipKept: 'context.ip',
    agentKept: 'context.user_agent',
    request: (id, { ip, agent }) => ({
      path: '/v1/events',
      body: { event_id: id, event_type: 't', user_id: 'u', ip, user_agent: agent },
      headers: basic,
    }),
  },
  {
    name: 'Penstock’s own batch',
    isDirect: true,
    ipKept: 'context.ip',
    agentKept: 'context.user_agent',
    request: (id, { ip, agent }) => ({
      path: '/v1/events/batch',
      body: [{ event_id: id, event_type: 't', user_id: 'u', ip, user_agent: agent }],
      headers: basic,
    }),
  },
  {
    name: 'Segment on a server',
    isDirect: false,
    ipKept: 'context.ip',
    agentKept: 'context.userAgent',
    request: (id, said) => ({
      path: '/v1/batch',
      body: { batch: [segment(id, '@segment/analytics-node', said)] },
      headers: basic,
    }),
  },
  {
    name: 'Segment in a browser',
    isDirect: true,
    ipKept: 'context.ip',
    agentKept: 'context.userAgent',
    request: (id, said) => ({
      path: '/v1/t',
      body: { ...segment(id, 'analytics.js', said), writeKey: KEY },
    }),
  },
  {
    name: 'RudderStack on a server',
    isDirect: false,
    ipKept: 'context.ip',
    agentKept: 'context.userAgent',
    request: (id, said) => ({
      path: '/v1/batch',
      body: { batch: [segment(id, '@rudderstack/rudder-sdk-node', said)] },
      headers: basic,
    }),
  },
  {
    name: 'Jitsu on a server',
    isDirect: false,
    ipKept: 'context.ip',
    agentKept: 'context.userAgent',
    request: (id, said) => ({
      path: '/api/s/s2s/track',
      body: segment(id, 'jitsu-js', said),
      headers: { 'x-write-key': KEY },
    }),
  },
  {
    name: 'PostHog on a server',
    isDirect: false,
    ipKept: 'event_data.$ip',
    agentKept: 'event_data.$raw_user_agent',
    request: (id, said) => ({ path: '/batch/', body: { api_key: KEY, batch: [posthog(id, said, {})] } }),
  },
  {
    name: 'PostHog in a browser',
    isDirect: true,
    ipKept: 'event_data.$ip',
    agentKept: 'event_data.$raw_user_agent',
    request: (id, said) => ({
      path: '/e/',
      body: { api_key: KEY, batch: [posthog(id, said, { $lib: 'web', $is_identified: true })] },
    }),
  },
  {
    name: 'Snowplow on a server',
    isDirect: false,
    ipKept: 'event_data.ip',
    agentKept: 'event_data.ua',
    request: (id, said) => snowplow(id, 'srv', said),
  },
  {
    name: 'Snowplow in a browser',
    isDirect: true,
    ipKept: 'event_data.ip',
    agentKept: 'event_data.ua',
    request: (id, said) => snowplow(id, 'web', said),
  },
  {
    name: 'Amplitude on a server',
    isDirect: false,
    ipKept: 'event_data.ip',
    agentKept: 'event_data.user_agent',
    request: (id, { ip, agent }) => ({
      path: '/2/httpapi',
      body: {
        api_key: KEY,
        events: [{ event_type: 'e', insert_id: id, user_id: 'u', ip, user_agent: agent }],
      },
    }),
  },
  {
    name: 'Mixpanel, an event',
    isDirect: false,
    ipKept: 'event_data.ip',
    saysNoAgent: true,
    request: (id, { ip }) => ({
      path: '/track',
      body: [{ event: 'e', properties: { token: KEY, $insert_id: id, ip } }],
    }),
  },
  {
    name: 'Mixpanel, whose query asks for the connection’s address',
    isDirect: true,
    ipKept: 'event_data.ip',
    saysNoAgent: true,
    request: (id, { ip }) => ({
      path: '/track?ip=1',
      body: [{ event: 'e', properties: { token: KEY, $insert_id: id, ip } }],
    }),
  },
  {
    name: 'the plain pixel',
    isDirect: true,
    ipKept: 'event_data.ip',
    agentKept: 'event_data.user_agent',
    request: (id, { ip, agent }) => {
      const fields = { key: KEY, event_type: 'e', event_id: id, user_id: 'u', ip, user_agent: agent };
      const said = Object.entries(fields).filter(([, value]) => value !== undefined);
      return { path: `/v1/pixel.gif?${new URLSearchParams(said as [string, string][])}` };
    },
  },
];

async function start(privacy: Record<string, unknown>): Promise<Running> {
  const server = await startServer({ config: { apps: [{ name: 'shop', keys: [KEY] }] as never, privacy } });
  await server.ready();
  return server;
}

async function send(
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
async function rowWhen(
  server: Running,
  family: Family,
  said: Said,
  headers: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const id = `own-${++sent}`;
  await send(server, family.request(id, said), headers);
  return await rowOf(server, id);
}

async function rowOf(server: Running, id: string): Promise<Record<string, unknown>> {
  await server.waitForCount(`SELECT count() FROM events WHERE event_id = '${id}'`, 1);
  const [row] = await rowsOf(server, `event_id = '${id}'`);
  return row ?? {};
}

/** The value at a path of a row, whose objects are as the store gives them. */
function at(row: Record<string, unknown>, path: string | undefined): unknown {
  return path
    ?.split('.')
    .reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], row);
}

const connectionOf = ({ isDirect }: Family) => ({
  ip: isDirect ? PEER : '',
  user_agent: isDirect ? HEADER : '',
});
const BOTH: Said = { ip: OWN_IP, agent: OWN_AGENT };
const byName = (name: string): Family => {
  const family = FAMILIES.find((candidate) => candidate.name === name);
  if (family === undefined) throw new Error(`no family ${name}`);
  return family;
};
const SERVER = byName('Segment on a server');
const BROWSER = byName('Segment in a browser');
const OWN = byName('Penstock’s own event');

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

  test.each([
    ['a private one', '10.1.2.3', '10.1.2.3'],
    ['IPv6 in capitals, with zeros', '2001:0DB8:0:0:0:0:0:0001', '2001:db8::1'],
    ['IPv4 within IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['IPv4 within IPv6, in hexadecimal', '::FFFF:cb00:7107', '203.0.113.7'],
    ['an IPv6 address that ends as IPv4', '64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['nothing but zeros', '0.0.0.0', '0.0.0.0'],
  ])('an address, %s: %s stands there as %s', async (_what, ip, stored) => {
    expect(await rowWhen(server, SERVER, { ip })).toMatchObject({ ip: stored });
    expect(await rowWhen(server, OWN, { ip })).toMatchObject({ ip: stored });
  });

  test.each([
    ['unknown'],
    ['$remote'],
    ['localhost'],
    [''],
    [' 10.0.0.1'],
    ['10.0.0.1:443'],
    ['[::1]:443'],
    ['10.0.0.1, 10.0.0.2'],
    ['10.0.0.0/8'],
    ['10.0.0.256'],
    ['010.0.0.1'],
    ['10.0.1'],
    ['fe80::1%eth0'],
    ['1::2::3'],
    [167772161],
    [true],
    [null],
    [['10.0.0.1']],
    [{ v4: '10.0.0.1' }],
  ])('what is no address, %j: the connection’s, or none of a server; it stays where it was', async (ip) => {
    const server_ = await rowWhen(server, SERVER, { ip });
    expect(server_).toMatchObject({ ip: '', user_agent: '' });
    const browser = await rowWhen(server, BROWSER, { ip });
    expect(browser).toMatchObject({ ip: PEER, user_agent: HEADER });
    const own = await rowWhen(server, OWN, { ip });
    expect(own).toMatchObject({ ip: PEER });
    if (ip !== null) for (const row of [server_, browser, own]) expect(at(row, 'context.ip')).toEqual(ip);
  });

  test.each([
    ['empty', ''],
    ['no text', 7],
    ['longer than 512 bytes', 'é'.repeat(257)],
  ])('an agent that is %s is passed over', async (_what, agent) => {
    expect(await rowWhen(server, SERVER, { agent })).toMatchObject({ user_agent: '' });
    expect(await rowWhen(server, OWN, { agent })).toMatchObject({ user_agent: HEADER });
  });

  test('an agent of 512 bytes is kept to the last one', async () => {
    const agent = 'é'.repeat(256);
    expect(await rowWhen(server, SERVER, { agent })).toMatchObject({ user_agent: agent });
  });

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
    await send(server, { path: '/v1/events/batch', body, headers: basic });
    for (const [id, ip] of [
      ['mix-1', '192.0.2.1'],
      ['mix-2', PEER],
      ['mix-3', '192.0.2.3'],
    ] as const)
      expect(await rowOf(server, id)).toMatchObject({ ip, user_agent: HEADER });
  });
});

describe('with privacy.from_events, addresses truncated', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true, ip: 'truncate' });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each([
    ['203.0.113.7', '203.0.113.0'],
    ['::ffff:203.0.113.7', '203.0.113.0'],
    ['2001:db8:1:2::ff', '2001:db8:1::'],
  ])('%s stands there as %s, whoever says it', async (ip, stored) => {
    for (const family of FAMILIES)
      expect(await rowWhen(server, family, { ip })).toMatchObject({ ip: stored });
  });

  test('so does the connection’s', async () => {
    expect(await rowWhen(server, OWN, {})).toMatchObject({ ip: '127.0.0.0' });
  });
});

describe('with privacy.from_events, addresses and agents dropped', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true, ip: 'drop', user_agent: 'drop' });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(FAMILIES)('$name: both columns are empty', async (family) => {
    const row = await rowWhen(server, family, BOTH);
    expect(row).toMatchObject({ ip: '', user_agent: '' });
  });

  test('a field of the event itself is gone, one within an object stays as it was sent', async () => {
    const own = await rowWhen(server, OWN, BOTH);
    expect([at(own, 'context.ip'), at(own, 'context.user_agent')]).toEqual([undefined, undefined]);
    expect(at(await rowWhen(server, SERVER, BOTH), 'context.ip')).toBe(OWN_IP);
  });
});

/** Requests of every dialect that may say where an event is from, and where its row keeps what was said. */
import { basic, KEY } from './real-sdk.ts';

/** What an event says of itself. */
export interface Said {
  readonly ip?: unknown;
  readonly agent?: unknown;
}

export interface Family {
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

export const FAMILIES: readonly Family[] = [
  {
    name: 'Penstock’s own event',
    isDirect: true,
    ipKept: 'context.ip',
    agentKept: 'context.user_agent',
    request: (id, { ip, agent }) => ({
      path: '/v1/events',
      body: { event_id: id, event_type: 't', user_id: 'u', ip, user_agent: agent },
      headers: basic(KEY),
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
      headers: basic(KEY),
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
      headers: basic(KEY),
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
      headers: basic(KEY),
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

export const byName = (name: string): Family => {
  const family = FAMILIES.find((candidate) => candidate.name === name);
  if (family === undefined) throw new Error(`no family ${name}`);
  return family;
};

/** One whose connection says nothing of people, one whose connection is a person's, and one without objects around it. */
export const SERVER = byName('Segment on a server');
export const BROWSER = byName('Segment in a browser');
export const OWN = byName('Penstock’s own event');

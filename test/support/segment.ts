/**
 * Traffic of Segment's SDK for Node: calls of all six types, and the row that Segment's Spec and docs/events.md make of
 * an event as it was on the wire. The mapping is written a second time here, from the documents, not from the table.
 */
import type { Analytics } from '@segment/analytics-node';
import type { Running } from './appliance.ts';

export const CALL_TYPES = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

/** An event on the wire; what the mapping reads of it. */
export interface WireEvent {
  readonly type: (typeof CALL_TYPES)[number];
  readonly messageId: string;
  readonly timestamp: string;
  readonly event?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly context: {
    readonly sessionId?: number;
    readonly device?: { readonly id?: string; readonly type?: string };
    readonly os?: { readonly name?: string; readonly version?: string };
    readonly app?: { readonly version?: string };
    readonly campaign?: Readonly<Record<string, string>>;
    readonly page?: { readonly referrer?: string };
  };
  readonly [key: string]: unknown;
}

/** Makes call number `n`; the type, and which optional parts it has, follow from the number. */
export function makeCall(analytics: Analytics, n: number): void {
  const properties = propertiesOf(n);
  const common = {
    ...(n % 4 === 0 ? { timestamp: new Date(Date.UTC(2024, 1, 28) + n * 3_600_001) } : {}),
    context: contextOf(n),
  };
  const who =
    n % 5 === 0
      ? { anonymousId: `anonymous-${n % 89}` }
      : n % 5 === 1
        ? { userId: `user-${n % 97}`, anonymousId: `anonymous-${n % 89}` }
        : { userId: `user-${n % 97}` };
  const type = CALL_TYPES[n % CALL_TYPES.length];
  if (type === 'track')
    analytics.track({ ...common, ...who, event: `Order ${n % 7} – größe 🎉`, properties });
  if (type === 'identify')
    analytics.identify({ ...common, ...who, traits: { ...properties, email: `${n}@a.b` } });
  if (type === 'page') analytics.page({ ...common, ...who, name: `Page ${n}`, category: 'docs', properties });
  if (type === 'screen') analytics.screen({ ...common, ...who, name: `Screen "${n}"`, properties });
  if (type === 'group')
    analytics.group({ ...common, ...who, groupId: `group-${n % 11}`, traits: { seats: n } });
  if (type === 'alias') analytics.alias({ ...common, userId: `user-${n}`, previousId: `anonymous-${n}` });
}

function propertiesOf(n: number) {
  return {
    n,
    revenue: n + 0.25,
    big: 9_007_199_254_740_994 + 2 * n,
    small: -n * 1e-7,
    emoji: `héllo 🎉 "${n}" \\ \u0007 \u2028`,
    nested: { a: { b: { c: [n, n + 1], flag: n % 2 === 0 } }, 'key.with.dots': 'x' },
    products: [{ sku: `A-${n}`, qty: 2 }, { sku: 'B' }],
    nothing: null,
    größe: 'xl',
  };
}

function contextOf(n: number) {
  return {
    locale: 'de-DE',
    ...(n % 3 === 0
      ? { campaign: { name: `spring-${n}`, source: 'news', medium: 'e-mail', term: 'a b' } }
      : {}),
    ...(n % 3 === 1 ? { page: { url: `https://x.test/p?n=${n}`, referrer: 'https://search.test/' } } : {}),
    ...(n % 2 === 0
      ? { os: { name: 'iOS', version: '17.4' }, app: { name: 'Shop', version: `3.2.${n % 9}` } }
      : {}),
    ...(n % 7 === 0 ? { device: { id: `device-${n}`, type: 'ios' }, sessionId: 1_715_000_000 + n } : {}),
  };
}

/** The row of an event, columns that the server fills left out; as `rowOf` reads it from the store. */
export function expectedRow(event: WireEvent, app: string) {
  const { context } = event;
  const { name, ...campaign } = context.campaign ?? {};
  const attribution = Object.fromEntries(
    Object.entries(campaign).map(([key, value]) => [`utm_${key}`, value]),
  );
  if (name !== undefined) attribution['utm_campaign'] = name;
  if (context.page?.referrer !== undefined) attribution['referrer'] = context.page.referrer;
  const dataKeys = ['properties', 'traits', 'groupId', 'previousId', 'name', 'category'];
  return {
    event_id: event.messageId,
    event_type: event.type === 'track' ? event.event : event.type,
    app_id: app,
    device_id: event.anonymousId ?? context.device?.id ?? '',
    user_id: event.userId ?? '',
    session_id: String(context.sessionId ?? ''),
    timestamp: event.timestamp,
    platform: context.device?.type ?? context.os?.name ?? 'server',
    os_version: context.os?.version ?? '',
    app_version: context.app?.version ?? '',
    attribution,
    event_data: stored(
      Object.fromEntries(dataKeys.flatMap((key) => (key in event ? [[key, event[key]]] : []))),
    ),
    // From a server: address and agent of the connection are not those of the person.
    ip: '',
    user_agent: '',
    dialect: 'segment',
    transport: 'http',
  };
}

/** A value as the JSON column keeps it: members that are null or empty objects vanish. */
export function stored(value: unknown): unknown {
  if (Array.isArray(value) || typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .map(([key, member]) => [key, stored(member)] as const)
    .filter(([, member]) => member !== null && JSON.stringify(member) !== '{}');
  return Object.fromEntries(members);
}

/** Rows of events, with 64-bit integers as numbers, since what JavaScript sent fits a double. */
export async function rowsOf(server: Running, where: string): Promise<Record<string, unknown>[]> {
  const url = `${server.queryUrl}/?default_format=JSONEachRow&output_format_json_quote_64bit_integers=0`;
  const answer = await fetch(url, { method: 'POST', body: `SELECT * FROM events WHERE ${where}` });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  const rows = text.split('\n').filter(Boolean);
  return rows.map((line) => {
    const row = JSON.parse(line) as Record<string, unknown>;
    return { ...row, timestamp: `${String(row['timestamp']).replace(' ', 'T')}Z` };
  });
}

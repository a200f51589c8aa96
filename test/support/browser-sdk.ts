/**
 * A real browser SDK on a real page in a real Chromium: it loads, tracks, learns who its visitor is, tracks on, and is left
 * with events in its hands. Between it and the server stands a door on another port, so that all of it crosses origins,
 * which refuses its first events. The store then must have each event exactly once, under the id that the SDK gave it.
 */
import { gunzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { type Running, until } from './appliance.ts';
import { servePages } from './browser-pages.ts';
import { openDoor, type SeenRequest } from './flaky-door.ts';
import { APP, KEY, recordSdk } from './real-sdk.ts';

export interface BrowserRun {
  /** Name of the package, whose version is read from node_modules. */
  readonly sdk: string;
  readonly script: string;
  readonly mode: string;
  readonly dialect: string;
  /** Requests that are refused first; 0 for clients that never send again. */
  readonly refusals: number;
  isIngest(method: string, path: string): boolean;
  /** Whether the page that is gone to has the SDK too, and sends what was left. */
  readonly isEverywhere: boolean;
  readonly usesBeacons: boolean;
  /** SQL for the number that the page gave an event; other events have none. */
  readonly number: string;
  /** Events that the SDK makes beside those that are numbered, by type. */
  readonly others: Readonly<Record<string, number>>;
  /** The number and the id of an event on the wire. */
  wire(event: WireEvent): { readonly n: unknown; readonly id: unknown };
  /** Columns beside those that all SDKs share. */
  expected(page: PageFacts): Record<string, unknown>;
}

export type WireEvent = Readonly<Record<string, unknown>> & {
  readonly properties?: Readonly<Record<string, unknown>>;
};

/** What the page says of itself. */
export interface PageFacts {
  readonly url: string;
  readonly userAgent: string;
}

/** Numbered events: while nobody is known, after somebody is, and right before the page is left. */
const KNOWN_FROM = 8;
const LEFT_FROM = 16;
const COUNT = 20;
const QUERY = '?utm_source=news&utm_campaign=spring&gclid=G1';

/** Drives the SDK and checks every row, every request and every line of the console. */
export async function expectDeliveredFromPage(
  server: Running,
  browser: Browser,
  run: BrowserRun,
): Promise<void> {
  const requests: SeenRequest[] = [];
  const door = await openDoor(server.url, run.refusals, {
    isIngest: run.isIngest,
    onPassed: (request) => requests.push(request),
  });
  const pages = await servePages({
    script: run.script,
    isEverywhere: run.isEverywhere,
    settings: { host: door.url, key: KEY, mode: run.mode },
  });
  // Cookies and storage of its own, as of a visitor who was never here.
  const context = await browser.newContext();
  const [start] = await server.query<{ now: string }>('SELECT toString(now64(3)) AS now');
  const where = `dialect = '${run.dialect}' AND received_at >= '${start?.now}'`;
  const number = textOf(run.number);
  const page = await context.newPage();
  let stored: string[] = [];
  const arrived = (count: number, isLeft = false) =>
    until(
      async () => {
        if (!isLeft) await page.evaluate('client.flush()');
        const sql = `SELECT ${number} AS n FROM events WHERE ${where} AND n != ''`;
        stored = (await server.query<{ n: string }>(sql)).map(({ n }) => n);
        return stored.length >= count;
      },
      25_000,
      () => `${count} events of ${run.sdk} are stored; there are ${stored}`,
    );
  const troubles = new Troubles(page);
  try {
    await page.goto(`${pages.url}/${QUERY}`);
    const facts = { url: page.url(), userAgent: await page.evaluate<string>('navigator.userAgent') };
    await page.evaluate('client.ready()');
    await page.evaluate(`client.trackAll(0, ${KNOWN_FROM})`);
    await arrived(KNOWN_FROM);
    await page.evaluate('client.identify("user-1")');
    await page.evaluate(`client.trackAll(${KNOWN_FROM}, ${LEFT_FROM})`);
    await arrived(LEFT_FROM);
    await page.evaluate(`client.trackAll(${LEFT_FROM}, ${COUNT}); client.leave()`);
    troubles.isLeft = true;
    await page.goto(`${pages.url}/thanks`);
    if (run.isEverywhere) await page.evaluate('client.ready()');
    await arrived(COUNT, !run.isEverywhere);
    const total = COUNT + Object.values(run.others).reduce((sum, count) => sum + count, 0);
    await server.waitForCount(`SELECT count() FROM events WHERE ${where}`, total);
    await page.close();
    expect(troubles.refusals).toBe(door.refused);
    expect(troubles.others).toEqual([]);
    await checkRows(server, run, where, facts, requests);
  } catch (error) {
    const sent = [...idsOnTheWire(run, requests).keys()];
    throw new Error(`${run.sdk} sent ${sent}; its page said ${JSON.stringify(troubles.others)}`, {
      cause: error,
    });
  } finally {
    await context.close();
    await pages.close();
    await door.close();
  }
  expect(door.refused).toBe(run.refusals);
  expect([...door.statuses.keys()]).toEqual([200]);
  expect(requests.some(isBeacon)).toBe(run.usesBeacons);
  recordSdk({
    sdk: run.sdk,
    mode: run.mode,
    runtime: 'Chromium',
    events: COUNT,
    refused: door.refused,
    encodings: [...new Set(requests.map(encodingOf))].sort(),
    paths: [...door.paths.keys()].sort(),
  });
}

/** '' where the event has no number. */
const textOf = (sql: string) => `ifNull(toString(${sql}), '')`;

/** Errors of the console, exceptions of the page, and requests that came to nothing. */
class Troubles {
  refusals = 0;
  readonly others: string[] = [];
  /** A page that is left does not hear what becomes of its requests; the store is asked for that. */
  isLeft = false;

  constructor(page: Page) {
    page.on('console', (line) => {
      if (line.type() !== 'error') return;
      if (line.text().includes('the server responded with a status of 503')) this.refusals += 1;
      else this.others.push(`${line.text()} ${line.location().url}`);
    });
    page.on('pageerror', (error) => this.others.push(String(error)));
    page.on('requestfailed', (request) => {
      const text = request.failure()?.errorText;
      if (this.isLeft && text === 'net::ERR_ABORTED') return;
      this.others.push(`${request.method()} ${request.url()}: ${text}`);
    });
  }
}

/** `navigator.sendBeacon` and fetches without CORS look alike, and no SDK does the latter. */
function isBeacon({ from }: SeenRequest): boolean {
  return from.method === 'POST' && from.headers['sec-fetch-mode'] === 'no-cors';
}

async function checkRows(
  server: Running,
  run: BrowserRun,
  where: string,
  facts: PageFacts,
  requests: readonly SeenRequest[],
): Promise<void> {
  const rows = await server.query(
    `SELECT *, ${textOf(run.number)} AS n FROM events WHERE ${where} ORDER BY n = '', toUInt32OrZero(n)`,
  );
  const numbered = rows.filter((row) => row['n'] !== '');
  expect(numbered.map((row) => Number(row['n']))).toEqual(Array.from({ length: COUNT }, (_none, n) => n));
  const ids = idsOnTheWire(run, requests);
  const devices = new Set(numbered.map((row) => row['device_id']));
  expect([devices.size, devices.has('')]).toEqual([1, false]);
  for (const [n, row] of numbered.entries()) {
    const expected = {
      n: String(n),
      event_id: ids.get(n),
      event_type: `order_${n % 3}`,
      app_id: APP,
      user_id: n < KNOWN_FROM ? '' : 'user-1',
      dialect: run.dialect,
      transport: 'http',
      ip: '127.0.0.1',
      user_agent: facts.userAgent,
      attribution: { utm_source: 'news', utm_campaign: 'spring', gclid: 'G1' },
      ...run.expected(facts),
    };
    expect(row).toMatchObject(expected);
  }
  const others = new Map<unknown, number>();
  for (const row of rows.slice(COUNT))
    others.set(row['event_type'], (others.get(row['event_type']) ?? 0) + 1);
  expect(Object.fromEntries(others)).toEqual(run.others);
  expect(JSON.stringify(rows)).not.toContain(KEY);
  expect(await server.query(`SELECT * FROM events_rejected WHERE dialect = '${run.dialect}'`)).toEqual([]);
}

/** The ids that the SDK gave its numbered events, read from what it sent. */
function idsOnTheWire(run: BrowserRun, requests: readonly SeenRequest[]): Map<number, unknown> {
  const ids = new Map<number, unknown>();
  for (const request of requests) {
    for (const event of eventsOf(request)) {
      const { n, id } = run.wire(event);
      if (typeof n === 'number') ids.set(n, id);
    }
  }
  return ids;
}

function eventsOf({ from, body }: SeenRequest): WireEvent[] {
  const query = new URL(from.url ?? '/', 'http://any').searchParams;
  if (from.method === 'GET') return [Object.fromEntries(query)];
  const plain = (body[0] === 0x1f ? gunzipSync(body) : body).toString('latin1');
  const data = new URLSearchParams(plain).get('data');
  const json: unknown = JSON.parse(
    plain.startsWith('data=') ? Buffer.from(data ?? '', 'base64').toString('latin1') : plain,
  );
  if (Array.isArray(json)) return json as WireEvent[];
  const envelope = json as Record<string, WireEvent[] | undefined>;
  return envelope['batch'] ?? envelope['events'] ?? envelope['data'] ?? [json as WireEvent];
}

/** How the body was compressed, by its first bytes too, since one of these SDKs does not say it. */
function encodingOf({ from, body }: SeenRequest): string {
  const declared = from.headers['content-encoding'];
  if (declared !== undefined) return String(declared);
  return body[0] === 0x1f && body[1] === 0x8b ? 'gzip, undeclared' : 'none';
}

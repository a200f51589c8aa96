/**
 * The client in a real browser: a page of one origin, the server behind another. One worker thread, since a beacon and the
 * next page's stream may bring the same event within milliseconds (rig.ts).
 */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../support/appliance.ts';
import { HAS_CHROMIUM, launchChromium } from '../support/chromium.ts';
import { KEY, type Rig, startRig, storedOf } from './rig.ts';

const CODE = readFileSync(fileURLToPath(new URL('../../dist/sdk/penstock.min.js', import.meta.url)));

let rig: Rig;
let pages: Server;
let origin = '';
let browser: Browser;
let context: BrowserContext;

/** Pages: `/` has a client of the server as `client`, `?transport` says by which way; `/plain` has none. */
function servePages(): Promise<void> {
  pages = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://pages');
    if (pathname === '/penstock.js') {
      response
        .writeHead(200, { 'content-type': 'text/javascript', 'access-control-allow-origin': '*' })
        .end(CODE);
      return;
    }
    const options = JSON.stringify({
      url: rig.url,
      key: searchParams.get('key') ?? KEY,
      retryDelayMsMax: 500,
      transport: searchParams.get('transport') ?? 'auto',
    });
    const script = `import { createClient } from '/penstock.js';
      globalThis.faults = [];
      globalThis.client = createClient({ ...${options}, onError: (error) => faults.push(error) });`;
    const body = pathname === '/plain' ? '' : `<script type="module">${script}</script>`;
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(`<!doctype html><title>Shop</title>${body}`);
  });
  return new Promise((resolve) => pages.listen(0, '127.0.0.1', resolve));
}

/** Opens a page and waits for its client. */
async function open(path = '/'): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.goto(`${origin}${path}`);
  await page.waitForFunction('globalThis.client !== undefined');
  return page;
}

/** Runs code in the page, where `client` is the client. */
const run = <Result>(page: Page, code: string): Promise<Result> => page.evaluate(code);

async function rowsOf(eventType: string): Promise<Record<string, unknown>[]> {
  return await rig
    .server()
    .query(`SELECT * FROM events WHERE event_type = '${eventType}' ORDER BY timestamp, event_id`);
}

const NAME = HAS_CHROMIUM ? 'in Chromium' : 'in Chromium (skipped: no chromium)';
// A browser, a server and a store on a machine that is busy with other tests.
describe.skipIf(!HAS_CHROMIUM)(NAME, { timeout: 180_000 }, () => {
  beforeAll(async () => {
    rig = await startRig(1);
    await servePages();
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await new Promise((resolve) => pages.close(resolve));
    await rig?.stop();
  });
  // Each test has a browser that remembers nothing of those before.
  const fresh = async () => {
    context = await browser.newContext({ locale: 'de-CH', timezoneId: 'Europe/Zurich' });
  };
  afterEach(async () => {
    await context?.close();
  });

  test('events stream with what the page knows', async () => {
    await fresh();
    const page = await open('/?utm_source=mail&gclid=g1&transport=stream');
    const ids = await run<string[]>(
      page,
      `[client.track('seen', { n: 1 }), client.identify('u1', { plan: 'pro' }), client.page('Home'), client.track('seen', { n: 2 })]`,
    );
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    await page.goto(`${origin}/?transport=stream`);
    await page.waitForFunction('globalThis.client !== undefined');
    await run(page, `client.track('seen', { n: 3 })`);
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    expect(await run(page, 'client.stats()')).toMatchObject({ isPersistent: true, transport: 'stream' });
    expect(await storedOf(rig.server(), 'seen', 3)).toEqual({ rows: 3, ids: 3, transports: ['ws'] });
    const [first, second, third] = await rowsOf('seen');
    expect(first).toMatchObject({
      event_id: ids[0],
      app_id: 'shop',
      user_id: '',
      platform: 'web',
      ip: '127.0.0.1',
      attribution: { utm_source: 'mail', gclid: 'g1' },
      context: {
        library: { name: 'penstock-client' },
        locale: 'de-CH',
        timezone: 'Europe/Zurich',
        page: { title: 'Shop', url: `${origin}/?utm_source=mail&gclid=g1&transport=stream` },
      },
    });
    expect(String(first?.['user_agent'])).toContain('Chrome');
    expect(second).toMatchObject({ user_id: 'u1', device_id: first?.['device_id'] });
    expect(third).toMatchObject({
      user_id: 'u1',
      device_id: first?.['device_id'],
      session_id: first?.['session_id'],
      attribution: { utm_source: 'mail', gclid: 'g1' },
    });
    expect((await rowsOf('identify'))[0]).toMatchObject({ event_data: { plan: 'pro' } });
    expect((await rowsOf('page'))[0]).toMatchObject({ event_data: { name: 'Home' } });
  });

  test('what happens without a network is sent when there is one', async () => {
    await fresh();
    const page = await open();
    await run(page, `client.track('offline', { n: 0 })`);
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    await context.setOffline(true);
    rig.proxy.hold();
    await run(page, `for (let n = 1; n <= 20; n++) client.track('offline', { n })`);
    expect(await run(page, 'client.flush(300)')).toBe(false);
    expect(await run(page, 'client.stats().queued')).toBe(20);
    rig.proxy.release();
    await context.setOffline(false);
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    expect(await storedOf(rig.server(), 'offline', 21)).toMatchObject({ rows: 21, ids: 21 });
  });

  test('a beacon takes what a page has not sent when it is left', async () => {
    await fresh();
    const page = await open('/?transport=http');
    await run(page, `for (let n = 1; n <= 20; n++) client.track('left', { n })`);
    await page.goto(`${origin}/plain`);
    expect(await storedOf(rig.server(), 'left', 20)).toEqual({ rows: 20, ids: 20, transports: ['http'] });
    // They were kept, and come once more, which changes nothing.
    await open();
    const again = await open();
    await run(again, `client.track('left', { n: 21 })`);
    expect(await run(again, 'client.flush(60000)')).toBe(true);
    expect(await storedOf(rig.server(), 'left', 21)).toMatchObject({ rows: 21, ids: 21 });
  });

  test('a click that leads away is not lost on the stream', async () => {
    await fresh();
    for (let round = 0; round < 3; round++) {
      const page = await open();
      await run(page, `client.track('clicked', { round: ${round}, first: true })`);
      await run(page, 'client.flush(60000)');
      // In one turn: the event, and the way out.
      await Promise.all([
        page.waitForURL(`${origin}/plain`),
        run(page, `client.track('clicked', { round: ${round} }); location.href = '/plain'; 0`),
      ]);
      await page.close();
    }
    expect(await storedOf(rig.server(), 'clicked', 6)).toMatchObject({ rows: 6, ids: 6 });
  });

  test('the queue of a page that was closed is picked up by the next one', async () => {
    await fresh();
    rig.proxy.hold();
    const page = await open();
    await run(page, `for (let n = 1; n <= 50; n++) client.track('kept', { n })`);
    await run(page, 'client.saved()');
    await page.close();
    rig.proxy.release();
    const next = await open();
    await run(next, `client.track('kept', { n: 51 })`);
    expect(await run(next, 'client.flush(60000)')).toBe(true);
    expect(await run(next, 'client.stats()')).toMatchObject({ taken: 51, acknowledged: 51, queued: 0 });
    expect(await storedOf(rig.server(), 'kept', 51)).toMatchObject({ rows: 51, ids: 51 });
  });

  test('pages beside each other have queues and sessions of their own; a third takes both when they are gone', async () => {
    await fresh();
    const [one, other] = [await open(), await open()];
    for (const [index, page] of [one, other].entries()) {
      await run(page, `for (let n = 0; n < 100; n++) client.track('tabs', { page: ${index}, n })`);
    }
    expect(await Promise.all([run(one, 'client.flush(60000)'), run(other, 'client.flush(60000)')])).toEqual([
      true,
      true,
    ]);
    // 4001: another connection has the session.
    const taken = `faults.filter(({ message }) => message === '4001').length`;
    expect([await run(one, taken), await run(other, taken)]).toEqual([0, 0]);
    rig.proxy.hold();
    for (const [index, page] of [one, other].entries()) {
      await run(page, `client.track('tabs', { page: ${index}, n: 100 }); client.saved()`);
    }
    await one.close();
    await other.close();
    rig.proxy.release();
    const third = await open();
    await until(() => run(third, 'client.stats().acknowledged === 2'), 60_000, 'both queues are sent');
    expect(await storedOf(rig.server(), 'tabs', 202)).toMatchObject({ rows: 202, ids: 202 });
  });

  test('reloads and a dead server in the middle of it lose nothing that was saved, and double nothing', async () => {
    await fresh();
    const page = await open();
    let promised = 0;
    for (let round = 0; round < 4; round++) {
      promised += await run<number>(
        page,
        `(async () => { for (let n = 0; n < 40; n++) client.track('reloaded', { round: ${round}, n }); await client.saved(); return 40; })()`,
      );
      const restarted = round === 2 ? rig.killServer() : undefined;
      // Some of these the page never hears of: it is gone before they are saved.
      await run(page, `client.track('unsaved', { round: ${round} }); location.reload(); 0`);
      await page.waitForFunction('globalThis.client !== undefined');
      await restarted;
    }
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    expect(await storedOf(rig.server(), 'reloaded', promised)).toMatchObject({
      rows: promised,
      ids: promised,
    });
    const [row] = await rig
      .server()
      .query<{ n: string; ids: string }>(
        `SELECT count() AS n, uniqExact(event_id) AS ids FROM events WHERE event_type = 'unsaved'`,
      );
    expect(row?.n).toBe(row?.ids);
  });

  test('a key that the server does not know is said, and its events wait', async () => {
    await fresh();
    for (const transport of ['stream', 'http']) {
      const page = await open(`/?key=wrong&transport=${transport}`);
      await run(page, `client.track('refused', { n: 1 })`);
      await run(page, 'client.flush(0)');
      await page.waitForFunction('faults.length > 0');
      expect(await run(page, 'faults.map(({ code }) => code)')).toEqual(['refused']);
      expect(await run(page, 'client.stats().acknowledged')).toBe(0);
      await page.close();
    }
  });

  test('a worker of a page has a client too', async () => {
    await fresh();
    const page = await open();
    const stats = await run(
      page,
      `new Promise((resolve) => {
        const code = \`import { createClient } from '${origin}/penstock.js';
          const client = createClient({ url: '${rig.url}', key: '${KEY}', transport: 'stream' });
          client.track('worked', { n: 1 });
          client.flush(60000).then(() => postMessage(client.stats()));\`;
        const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
        new Worker(url, { type: 'module' }).onmessage = ({ data }) => resolve(data);
      })`,
    );
    expect(stats).toMatchObject({ acknowledged: 1, queued: 0, isPersistent: true });
    expect(await storedOf(rig.server(), 'worked', 1)).toEqual({ rows: 1, ids: 1, transports: ['ws'] });
  });

  test('storage may be forbidden: the client goes on in memory', async () => {
    await fresh();
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.addInitScript(`
      for (const name of ['indexedDB', 'localStorage'])
        Object.defineProperty(globalThis, name, { get() { throw new DOMException('no', 'SecurityError'); } });`);
    await page.goto(`${origin}/`);
    await page.waitForFunction('globalThis.client !== undefined');
    await run(page, `client.track('forbidden', { n: 1 })`);
    expect(await run(page, 'client.flush(60000)')).toBe(true);
    expect(await run(page, 'client.stats()')).toMatchObject({ isPersistent: false, acknowledged: 1 });
    expect(await storedOf(rig.server(), 'forbidden', 1)).toMatchObject({ rows: 1 });
  });
});

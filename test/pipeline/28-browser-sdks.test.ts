/**
 * Chapter 28, SDKs in browsers: their own builds on a page in Chromium, whose collector is another origin. They ask for
 * settings, are refused at first, and leave in the middle of it. Nothing is stored twice, nothing is lost, and the console
 * has nothing to say but that a server was busy.
 */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { type BrowserRun, expectDeliveredFromPage } from '../support/browser-sdk.ts';
import { HAS_CHROMIUM, launchChromium } from '../support/chromium.ts';
import { startSdkServer } from '../support/real-sdk.ts';

const post = (pattern: RegExp) => (method: string, path: string) => method === 'POST' && pattern.test(path);

const SEGMENT = {
  sdk: '@segment/analytics-next',
  script: 'segment',
  dialect: 'segment',
  number: 'event_data.properties.n',
  wire: ({ properties, messageId }) => ({ n: properties?.['n'], id: messageId }),
  expected: ({ url }) => ({ context: { page: { url } } }),
} as const satisfies Partial<BrowserRun>;

const RUNS: readonly BrowserRun[] = [
  {
    ...SEGMENT,
    mode: 'standard',
    isIngest: post(/^\/v1\/[tpi]$/),
    refusals: 2,
    isEverywhere: true,
    usesBeacons: false,
    others: { page: 2, identify: 1 },
  },
  {
    ...SEGMENT,
    mode: 'batching',
    isIngest: post(/^\/v1\/b$/),
    refusals: 2,
    isEverywhere: false,
    usesBeacons: false,
    others: { page: 1, identify: 1 },
  },
  {
    ...SEGMENT,
    sdk: '@rudderstack/analytics-js',
    script: 'rudderstack',
    mode: 'XHR',
    isIngest: post(/^\/v1\/(track|page|identify)$/),
    refusals: 2,
    isEverywhere: true,
    usesBeacons: false,
    others: { page: 2, identify: 1 },
  },
  {
    ...SEGMENT,
    sdk: '@rudderstack/analytics-js',
    script: 'rudderstack',
    mode: 'beacon',
    isIngest: post(/^\/beacon\/v1\/batch$/),
    refusals: 0,
    isEverywhere: false,
    usesBeacons: true,
    others: { page: 1, identify: 1 },
  },
  {
    sdk: 'posthog-js',
    script: 'posthog',
    mode: '',
    dialect: 'posthog',
    isIngest: post(/^\/e\/$/),
    // It comes back after 3 s, then after 6.
    refusals: 1,
    isEverywhere: false,
    usesBeacons: true,
    number: 'event_data.n',
    others: { $pageview: 1, $identify: 1, $pageleave: 1 },
    wire: ({ properties, uuid }) => ({ n: properties?.['n'], id: uuid }),
    expected: ({ url }) => ({ event_data: { $current_url: url } }),
  },
  ...(['post', 'get'] as const).map(
    (mode): BrowserRun => ({
      sdk: '@snowplow/browser-tracker',
      script: 'snowplow',
      mode,
      dialect: 'snowplow',
      isIngest: (method, path) =>
        mode === 'get' ? path === '/i' : method === 'POST' && path.endsWith('/tp2'),
      refusals: 2,
      isEverywhere: true,
      usesBeacons: false,
      number: 'event_data.data.n',
      others: { page_view: 2 },
      wire: ({ eid, ue_pr, ue_px }) => ({ n: numberOf(ue_pr, ue_px), id: eid }),
      expected: ({ url }) => ({ event_data: { url } }),
    }),
  ),
  {
    sdk: '@amplitude/analytics-browser',
    script: 'amplitude',
    mode: '',
    dialect: 'amplitude',
    isIngest: post(/^\/2\/httpapi$/),
    refusals: 2,
    isEverywhere: false,
    usesBeacons: true,
    number: 'event_data.n',
    others: { $identify: 1, session_start: 1, '[Amplitude] Page Viewed': 1 },
    wire: ({ event_properties, insert_id }) => ({
      n: (event_properties as Record<string, unknown> | undefined)?.['n'],
      id: insert_id,
    }),
    expected: () => ({}),
  },
  {
    sdk: 'mixpanel-browser',
    script: 'mixpanel',
    mode: '',
    dialect: 'mixpanel',
    isIngest: post(/^\/(track|engage)\/$/),
    // Like posthog-js it takes its time.
    refusals: 1,
    isEverywhere: true,
    usesBeacons: true,
    number: 'event_data.n',
    others: { $mp_web_page_view: 2, $identify: 1, $profile_update: 1 },
    wire: ({ properties }) => ({ n: properties?.['n'], id: properties?.['$insert_id'] }),
    expected: ({ url }) => ({ event_data: { $current_url: url } }),
  },
  {
    sdk: '@jitsu/js',
    script: 'jitsu',
    mode: 'browser',
    dialect: 'jitsu',
    isIngest: post(/^\/api\/s\/(track|page|identify)$/),
    refusals: 0,
    isEverywhere: false,
    usesBeacons: false,
    number: 'event_data.properties.n',
    others: { page: 1, identify: 1 },
    wire: ({ properties, messageId }) => ({ n: properties?.['n'], id: messageId }),
    expected: ({ url }) => ({ context: { page: { url } } }),
  },
];

/** Of a self-describing event: as JSON in a text, or in base64url of it. */
function numberOf(json: unknown, base64: unknown): unknown {
  const text =
    json ?? (base64 === undefined ? undefined : Buffer.from(String(base64), 'base64url').toString());
  if (text === undefined) return undefined;
  return (JSON.parse(String(text)) as { data: { data: { n: number } } }).data.data.n;
}

describe.skipIf(!HAS_CHROMIUM)('on a page in Chromium (skipped: no chromium)', () => {
  let server: Running;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startSdkServer(), launchChromium()]);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  test.each(RUNS)(
    '$sdk $mode: every event once, with its columns',
    async (run) => {
      await expectDeliveredFromPage(server, browser, run);
    },
    60_000,
  );
});

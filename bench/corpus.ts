/**
 * Events as SDKs send them, from a seed: the same seed gives the same events on every machine. All benches and
 * tests draw from here, so that their figures are about the same bytes.
 *
 *   small   ~150 bytes of JSON an event: an id, a type, a device, a time, one or two fields
 *   medium  ~434 bytes: page views, installs and purchases with attribution, data and context
 *   large   ~3,000 bytes: orders with many items and a full device context
 */

export type CorpusSize = 'small' | 'medium' | 'large';

export type CorpusEvent = { readonly [key: string]: unknown };

export interface Corpus {
  readonly size: CorpusSize;
  /** The next event. */
  next(): CorpusEvent;
  /** The next `count` events. */
  events(count: number): CorpusEvent[];
  /** One event as a body. */
  single(): Buffer;
  /** `count` events as a JSON array. */
  array(count: number): Buffer;
  /** `count` events as `{"events":[…]}`. */
  envelope(count: number): Buffer;
  /** `count` events, one a line. */
  ndjson(count: number): Buffer;
}

/** A corpus whose events follow from `seed` alone. */
export function createCorpus(seed: number, size: CorpusSize): Corpus {
  const random = createRandom(seed);
  const build = { small: smallEvent, medium: mediumEvent, large: largeEvent }[size];
  const next = () => build(random);
  const events = (count: number) => Array.from({ length: count }, next);
  return {
    size,
    next,
    events,
    single: () => Buffer.from(JSON.stringify(next())),
    array: (count) => Buffer.from(JSON.stringify(events(count))),
    envelope: (count) => Buffer.from(JSON.stringify({ events: events(count) })),
    ndjson: (count) =>
      Buffer.from(
        events(count)
          .map((event) => `${JSON.stringify(event)}\n`)
          .join(''),
      ),
  };
}

/** 32-bit unsigned random integers from a seed (mulberry32). */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

type Random = () => number;

const BASE_TIME_MS = Date.UTC(2025, 5, 1);
const DAY_MS = 86_400_000;
const PLATFORMS = ['ios', 'android', 'web', 'windows', 'macos'] as const;
const COUNTRIES = ['DE', 'US', 'BR', 'JP', 'IN', 'FR', 'NG', 'PL'] as const;
const LOCALES = ['de-DE', 'en-US', 'pt-BR', 'ja-JP', 'hi-IN', 'fr-FR', 'en-NG', 'pl-PL'] as const;
const SOURCES = ['google', 'facebook', 'tiktok', 'newsletter', 'apple_search', 'organic'] as const;
const CAMPAIGNS = ['summer_sale', 'retarget_cart', 'brand', 'lookalike_3pct', 'winback'] as const;
const PAGES = [
  '/',
  '/pricing',
  '/product/headphones',
  '/cart',
  '/account/orders',
  '/search',
  '/blog',
] as const;
const TITLES = [
  'Start',
  'Preise',
  'Kopfhörer kaufen',
  'Warenkorb',
  'Your orders',
  '検索結果',
  'Blog',
] as const;
const PRODUCTS = [
  'Trail shoe',
  'Kaffeemühle',
  'USB-C cable 2 m',
  'Desk lamp',
  'Notebook "A5"',
  '水筒',
] as const;
const MODELS = ['iPhone15,3', 'Pixel 8 Pro', 'SM-S918B', 'MacBookPro18,1', 'Redmi Note 12'] as const;
const REFERRERS = [
  'https://www.google.com/',
  'https://t.co/x8Kd',
  '',
  'https://news.example/a?b=1&c=2',
] as const;
const NETWORKS = ['wifi', 'cellular', 'ethernet', 'none'] as const;

function below(random: Random, bound: number): number {
  return random() % bound;
}

function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[below(random, items.length)] as Item;
}

function hex(random: Random, digits: number): string {
  let text = '';
  while (text.length < digits) text += random().toString(16).padStart(8, '0');
  return text.slice(0, digits);
}

function uuid(random: Random): string {
  const digits = hex(random, 32);
  const variant = '89ab'[below(random, 4)];
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-${variant}${digits.slice(17, 20)}-${digits.slice(20)}`;
}

function timeMs(random: Random): number {
  return BASE_TIME_MS + (random() % (7 * DAY_MS));
}

/** Half of the SDKs send ISO text, half milliseconds. */
function timestamp(random: Random): string | number {
  const ms = timeMs(random);
  return below(random, 2) === 0 ? new Date(ms).toISOString() : ms;
}

function version(random: Random): string {
  return `${below(random, 9) + 1}.${below(random, 20)}.${below(random, 10)}`;
}

function price(random: Random): number {
  return (below(random, 50_000) + 99) / 100;
}

function smallEvent(random: Random): CorpusEvent {
  const kind = below(random, 3);
  const event = {
    event_id: uuid(random),
    event_type: ['page_view', 'screen_view', 'tap'][kind],
    device_id: hex(random, 8),
    timestamp: timeMs(random),
  };
  if (kind === 0) return { ...event, event_data: { path: pick(random, PAGES) } };
  if (kind === 1) return { ...event, platform: pick(random, PLATFORMS) };
  return { ...event, event_data: { x: below(random, 1080), y: below(random, 2340) } };
}

function mediumEvent(random: Random): CorpusEvent {
  const kind = below(random, 4);
  if (kind === 0) return installEvent(random);
  if (kind === 1) return purchaseEvent(random);
  return pageViewEvent(random);
}

function baseEvent(random: Random, type: string) {
  return {
    event_id: uuid(random),
    event_type: type,
    device_id: uuid(random),
    timestamp: timestamp(random),
    platform: pick(random, PLATFORMS),
    app_version: version(random),
  };
}

function pageViewEvent(random: Random): CorpusEvent {
  const page = below(random, PAGES.length);
  return {
    ...baseEvent(random, 'page_view'),
    session_id: hex(random, 16),
    event_data: {
      path: PAGES[page],
      title: TITLES[page],
      referrer: pick(random, REFERRERS),
      scroll: below(random, 100),
      load_ms: below(random, 4000) / 10,
    },
    context: { locale: pick(random, LOCALES), screen: { w: 390, h: 844, scale: 3 }, consent: true },
  };
}

function installEvent(random: Random): CorpusEvent {
  return {
    ...baseEvent(random, 'app_install'),
    os_version: `${below(random, 6) + 12}.${below(random, 7)}`,
    attribution: {
      source: pick(random, SOURCES),
      campaign: pick(random, CAMPAIGNS),
      campaign_id: String(23_840_000_000_000_000n + BigInt(random())),
      click_time: Math.floor(timeMs(random) / 1000),
    },
    event_data: { first_open: true },
    context: { model: pick(random, MODELS), country: pick(random, COUNTRIES), locale: pick(random, LOCALES) },
  };
}

function item(random: Random) {
  return {
    sku: `SKU-${below(random, 90_000) + 10_000}`,
    name: pick(random, PRODUCTS),
    price: price(random),
    qty: below(random, 3) + 1,
  };
}

function purchaseEvent(random: Random): CorpusEvent {
  const items = Array.from({ length: 1 + below(random, 2) }, () => item(random));
  return {
    ...baseEvent(random, 'purchase'),
    user_id: `u_${below(random, 9_000_000) + 1_000_000}`,
    event_data: {
      order_id: below(random, 1_000_000_000),
      currency: 'EUR',
      total: price(random),
      coupon: null,
      items,
    },
    context: { country: pick(random, COUNTRIES) },
  };
}

function largeEvent(random: Random): CorpusEvent {
  const items = Array.from({ length: 12 + below(random, 5) }, (_none, position) => ({
    ...item(random),
    position,
    category: `shop/${pick(random, CAMPAIGNS)}/${pick(random, SOURCES)}`,
    in_stock: below(random, 2) === 0,
  }));
  return {
    ...baseEvent(random, 'order_completed'),
    user_id: `u_${below(random, 9_000_000) + 1_000_000}`,
    session_id: uuid(random),
    os_version: `${below(random, 6) + 12}.${below(random, 7)}`,
    attribution: {
      source: pick(random, SOURCES),
      medium: 'cpc',
      campaign: pick(random, CAMPAIGNS),
      click_id: hex(random, 48),
      touches: Array.from({ length: 3 }, () => ({ source: pick(random, SOURCES), at: timestamp(random) })),
    },
    event_data: {
      order_id: `${BigInt(random()) * 4_000_000_007n}`,
      currency: 'EUR',
      total: price(random),
      tax: price(random),
      note: 'Bitte "klingeln"\nHinterhaus, 2. Stock — danke 🙏',
      items,
    },
    context: {
      locale: pick(random, LOCALES),
      timezone: 'Europe/Berlin',
      network: {
        type: pick(random, NETWORKS),
        carrier: 'Example Mobile',
        downlink: below(random, 1000) / 10,
      },
      device: { model: pick(random, MODELS), memory_mb: 6144, cores: 8, battery: below(random, 100) / 100 },
      screen: { width: 1179, height: 2556, density: 3, orientation: 'portrait' },
      page: { url: `https://shop.example${pick(random, PAGES)}`, referrer: pick(random, REFERRERS) },
      experiments: Array.from({ length: 4 }, () => `exp_${hex(random, 6)}:${below(random, 3)}`),
    },
  };
}

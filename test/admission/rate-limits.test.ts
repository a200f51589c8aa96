/** Rates of apps and keys by a clock of the test's own; what processes share, by a stand-in for Redis that counts. */
import { describe, expect, test } from 'vitest';
import { Apps } from '../../src/admission/apps.ts';
import { createLimitMemory, LimitPage } from '../../src/admission/limit-page.ts';
import { RateLimits, type RateSharing, type Spending } from '../../src/admission/rate-limits.ts';
import { TokenBucket } from '../../src/admission/token-bucket.ts';
import type { AppConfig, Config } from '../../src/config/config.ts';

const NO_RATES = { appEventsPerSecond: 0, appBurst: 0, keyEventsPerSecond: 0, keyBurst: 0 };
const SHOP: AppConfig = { name: 'shop', keys: ['a', 'b'], origins: [] };
const GAME: AppConfig = { name: 'game', keys: ['c'], origins: [] };

class TestClock {
  ms = 1_000_000;
  nowMs(): number {
    return this.ms;
  }
  monotonicMs(): number {
    return this.ms;
  }
}

function limitsOf(
  rates: Partial<Config['rateLimits']>,
  configured: readonly AppConfig[] = [SHOP, GAME],
  sharing?: RateSharing,
) {
  const clock = new TestClock();
  const apps = new Apps(configured);
  const page = new LimitPage(createLimitMemory());
  const config = { apps: configured, rateLimits: { ...NO_RATES, ...rates } };
  const limits = new RateLimits(config, apps, page, clock, sharing);
  return { clock, apps, page, limits };
}

describe('a bucket of tokens', () => {
  test('is full at first, is filled by its rate and never beyond its burst', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 0);
    expect(bucket.tokens(0)).toBe(20);
    bucket.spend(15, 0);
    expect([bucket.tokens(0), bucket.tokens(500), bucket.tokens(10_000)]).toEqual([5, 10, 20]);
  });

  test('owes what was under way, and says how long it takes to pay', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 0);
    bucket.spend(50, 0);
    expect(bucket.tokens(0)).toBe(-30);
    expect(bucket.waitMs(0)).toBe(3_100);
    expect(bucket.waitMs(3_100)).toBe(0);
    expect(new TokenBucket({ perSecond: 10, burst: 1 }, 0).waitMs(0)).toBe(0);
  });

  test('a clock that stands still or goes back fills nothing', () => {
    const bucket = new TokenBucket({ perSecond: 10, burst: 20 }, 1_000);
    bucket.spend(20, 1_000);
    expect([bucket.tokens(500), bucket.tokens(600)]).toEqual([0, 1]);
  });
});

describe('rate limits', () => {
  test('without a rate nobody is limited', () => {
    const { limits, apps } = limitsOf({});
    const { app, key } = apps.match('a');
    limits.spend(app, key, 1_000_000_000);
    expect(limits.refuses(app, key, false)).toBe(false);
  });

  test('an app is limited over all its keys, another one is not', () => {
    const { limits, apps, clock, page } = limitsOf({ appEventsPerSecond: 100 });
    const [a, b, c] = ['a', 'b', 'c'].map((key) => apps.match(key));
    for (const { app, key } of [a!, b!]) limits.spend(app, key, 60);
    expect([a!, b!, c!].map(({ app, key }) => limits.refuses(app, key, false))).toEqual([true, true, false]);
    expect(page.isLimited(a!.app, a!.key, false)).toBe(true);
    expect(limits.hits).toEqual({ app: 2, key: 0 });
    expect(limits.retryAfterSeconds(a!.app, a!.key)).toBe(1);
    clock.ms += 300;
    void limits.tick();
    expect(limits.refuses(a!.app, a!.key, false)).toBe(false);
  });

  test('a key is limited by itself, with a burst of its own and another rate where its app says so', () => {
    const own = { ...GAME, keyEventsPerSecond: 5, keyBurst: 500 };
    const { limits, apps } = limitsOf({ keyEventsPerSecond: 10 }, [SHOP, own]);
    const [a, b, c] = ['a', 'b', 'c'].map((key) => apps.match(key));
    for (const { app, key } of [a!, c!]) limits.spend(app, key, 410);
    expect([a!, b!, c!].map(({ app, key }) => limits.refuses(app, key, false))).toEqual([true, false, false]);
    expect(limits.hits).toEqual({ app: 0, key: 1 });
    // Owes 400 at 10 a second.
    expect(limits.retryAfterSeconds(a!.app, a!.key)).toBe(41);
  });

  test('clients that never send again are refused only when as much again is owed', () => {
    const { limits, apps } = limitsOf({ appEventsPerSecond: 100 });
    const { app, key } = apps.match('a');
    limits.spend(app, key, 150);
    expect([limits.refuses(app, key, false), limits.refuses(app, key, true)]).toEqual([true, false]);
    limits.spend(app, key, 50);
    expect(limits.refuses(app, key, true)).toBe(true);
  });

  test('in open mode all count together, and a body of several apps counts for its first key', () => {
    const open = limitsOf({ appEventsPerSecond: 10 }, []);
    open.limits.spend(0, 0, 10);
    expect(open.limits.refuses(0, 0, false)).toBe(true);
    const { limits, apps } = limitsOf({ appEventsPerSecond: 10 });
    const { app, key } = apps.match('c');
    limits.spend(0, key, 10);
    expect(limits.refuses(app, key, false)).toBe(true);
    expect(limits.refuses(apps.match('a').app, apps.match('a').key, false)).toBe(false);
  });

  test('keys that come later have their buckets, those that go leave nobody limited', () => {
    const { limits, page } = limitsOf({ keyEventsPerSecond: 10 });
    const numbers = new Map<string, number>();
    const more = new Apps([{ ...SHOP, keys: ['a', 'b', 'd'] }, GAME], numbers);
    limits.update(more);
    const { app, key } = more.match('d');
    limits.spend(app, key, 100);
    expect(limits.refuses(app, key, false)).toBe(true);
    limits.update(new Apps([]));
    expect(page.isLimited(app, key, false)).toBe(false);
  });
});

describe('shared limits', () => {
  test('what was spent is told once, and what is left is believed, less what was spent meanwhile', async () => {
    const told: Spending[][] = [];
    let answer: (left: readonly number[] | undefined) => void = () => {};
    const sharing: RateSharing = {
      share: (spendings) => {
        told.push([...spendings]);
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
    };
    const { limits, apps, clock } = limitsOf({ appEventsPerSecond: 100 }, [SHOP], sharing);
    const { app, key } = apps.match('a');
    await limits.tick();
    expect(told).toEqual([]);
    limits.spend(app, key, 30);
    const first = limits.tick();
    expect(told).toEqual([[{ name: 'app:shop', perSecond: 100, burst: 100, spent: 30 }]]);
    limits.spend(app, key, 5);
    // One call at a time.
    await limits.tick();
    expect(told.length).toBe(1);
    answer([4]);
    await first;
    expect(limits.refuses(app, key, false)).toBe(true);
    const second = limits.tick();
    expect(told[1]).toEqual([{ name: 'app:shop', perSecond: 100, burst: 100, spent: 5 }]);
    // Nobody answers: the process goes on with what it knows.
    answer(undefined);
    await second;
    clock.ms += 100;
    expect(limits.isLimited(app, key, false)).toBe(true);
    const third = limits.tick();
    answer(undefined);
    await third;
    expect(limits.refuses(app, key, false)).toBe(false);
  });
});

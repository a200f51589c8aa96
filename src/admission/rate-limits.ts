// Hot path: two calls a request or message.
/**
 * How many events each app and each key may send: a bucket of tokens for each that has a rate (token-bucket.ts), in this
 * process. Where processes share their limits, what was spent is told to the others and what is left asked for every
 * REDIS_RATE_INTERVAL_MS, all buckets in one call; without an answer each process goes on with what it knows, so that
 * together they let through as many times the rate as they are.
 *
 * In open mode all events count for one app. A body with keys of several apps counts for the first of its keys.
 */
import type { Clock } from '../clock.ts';
import type { AppConfig, Config } from '../config/config.ts';
import { RATE_LIMITED_APPS_MAX, RATE_LIMITED_KEYS_MAX, RETRY_AFTER_SECONDS_MAX } from '../limits.ts';
import { type Apps, OPEN_MODE } from './apps.ts';
import { type LimitPage, LimitWord, placeOfApp, placeOfKey } from './limit-page.ts';
import { type Rate, TokenBucket } from './token-bucket.ts';

/** What was spent of a bucket that processes share. */
export interface Spending extends Rate {
  /** The same in all processes. */
  readonly name: string;
  readonly spent: number;
}

/** Where processes share their limits (redis/rate-sharing.ts). */
export interface RateSharing {
  /** Takes what was spent and gives the tokens that are left, in order; undefined when nobody answers. Never rejects. */
  share(spendings: readonly Spending[]): Promise<readonly number[] | undefined>;
}

interface Bucket {
  readonly place: number;
  readonly name: string;
  readonly scope: 'app' | 'key';
  readonly tokens: TokenBucket;
  /** Spent since it was told. */
  spent: number;
}

export class RateLimits {
  /** Requests that were refused, by what was over its rate. */
  readonly hits = { app: 0, key: 0 };
  readonly #defaults: Config['rateLimits'];
  readonly #overrides: ReadonlyMap<string, AppConfig>;
  readonly #page: LimitPage;
  readonly #clock: Clock;
  readonly #sharing: RateSharing | undefined;
  readonly #buckets = new Map<number, Bucket>();
  #apps: Apps;
  #isSharing = false;

  constructor(
    config: Pick<Config, 'apps' | 'rateLimits'>,
    apps: Apps,
    page: LimitPage,
    clock: Clock,
    sharing: RateSharing | undefined,
  ) {
    this.#defaults = config.rateLimits;
    this.#overrides = new Map(config.apps.map((app) => [app.name, app]));
    this.#page = page;
    this.#clock = clock;
    this.#sharing = sharing;
    this.#apps = apps;
    this.update(apps);
  }

  /** Makes buckets for apps and keys that have none, and lets go of those of keys that are gone. */
  update(apps: Apps): void {
    this.#apps = apps;
    const wanted = new Set<number>();
    const add = (place: number, name: string, scope: 'app' | 'key', rate: Rate) => {
      if (rate.perSecond === 0) return;
      wanted.add(place);
      if (this.#buckets.has(place)) return;
      const tokens = new TokenBucket(rate, this.#clock.monotonicMs());
      this.#buckets.set(place, { place, name, scope, tokens, spent: 0 });
    };
    for (const [app, name] of apps.names.entries()) {
      if ((app === OPEN_MODE) !== apps.openMode || app >= RATE_LIMITED_APPS_MAX) continue;
      add(placeOfApp(app), `app:${name}`, 'app', this.#rateOf(name, 'app'));
    }
    for (const key of apps.keyNumbers) {
      const held = apps.keyOf(key);
      if (held === undefined || key >= RATE_LIMITED_KEYS_MAX) continue;
      add(placeOfKey(key), `key:${held.digest}`, 'key', this.#rateOf(apps.names[held.app] ?? '', 'key'));
    }
    for (const place of this.#buckets.keys()) {
      if (wanted.has(place)) continue;
      this.#buckets.delete(place);
      this.#page.set(place, LimitWord.none);
    }
  }

  /** Whether nothing has a rate, so that nothing needs to be counted. */
  get isUnlimited(): boolean {
    return this.#buckets.size === 0;
  }

  /** Whether a request is refused now; counted when it is. `cannotRetry` says that its client never sends again. */
  refuses(app: number, key: number, cannotRetry: boolean): boolean {
    if (this.#buckets.size === 0 || !this.isLimited(app, key, cannotRetry)) return false;
    this.noteHit(app, key);
    return true;
  }

  /** The same without counting. */
  isLimited(app: number, key: number, cannotRetry: boolean): boolean {
    return this.#buckets.size > 0 && this.#page.isLimited(this.#appOf(app, key), key, cannotRetry);
  }

  /** Counts a refusal that a worker decided. */
  noteHit(app: number, key: number): void {
    const nowMs = this.#clock.monotonicMs();
    const ofApp = this.#buckets.get(placeOfApp(this.#appOf(app, key)));
    this.hits[ofApp !== undefined && ofApp.tokens.tokens(nowMs) < 1 ? 'app' : 'key'] += 1;
  }

  /** Events that came with the key of the app. */
  spend(app: number, key: number, events: number): void {
    if (this.#buckets.size === 0 || events === 0) return;
    this.#spend(this.#buckets.get(placeOfApp(this.#appOf(app, key))), events);
    if (key !== 0) this.#spend(this.#buckets.get(placeOfKey(key)), events);
  }

  /** Whole seconds until the app and the key may send again, for a Retry-After header. */
  retryAfterSeconds(app: number, key: number): number {
    const nowMs = this.#clock.monotonicMs();
    const waits = [placeOfApp(this.#appOf(app, key)), placeOfKey(key)].map(
      (place) => this.#buckets.get(place)?.tokens.waitMs(nowMs) ?? 0,
    );
    return Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(Math.max(...waits) / 1000)));
  }

  /** Lets in again whose bucket has filled, and shares what was spent; called every REDIS_RATE_INTERVAL_MS. Never rejects. */
  async tick(): Promise<void> {
    for (const bucket of this.#buckets.values()) this.#mark(bucket);
    if (this.#sharing === undefined || this.#isSharing) return;
    const nowMs = this.#clock.monotonicMs();
    const shared = [...this.#buckets.values()].filter(
      ({ spent, tokens }) => spent > 0 || tokens.tokens(nowMs) < 1,
    );
    if (shared.length === 0) return;
    this.#isSharing = true;
    const spendings = shared.map(({ name, spent, tokens }) => ({ name, spent, ...tokens.rate }));
    for (const bucket of shared) bucket.spent = 0;
    const left = await this.#sharing.share(spendings);
    this.#isSharing = false;
    if (left === undefined) return;
    for (const [index, bucket] of shared.entries()) {
      // Meanwhile more may have been spent.
      bucket.tokens.set((left[index] ?? 0) - bucket.spent, this.#clock.monotonicMs());
      this.#mark(bucket);
    }
  }

  #spend(bucket: Bucket | undefined, events: number): void {
    if (bucket === undefined) return;
    bucket.tokens.spend(events, this.#clock.monotonicMs());
    bucket.spent += events;
    this.#mark(bucket);
  }

  #mark({ place, tokens }: Bucket): void {
    const left = tokens.tokens(this.#clock.monotonicMs());
    const word = left >= 1 ? LimitWord.none : left > -tokens.rate.burst ? LimitWord.some : LimitWord.all;
    this.#page.set(place, word);
  }

  /** Frames of several apps have the index of open mode. */
  #appOf(app: number, key: number): number {
    return app === OPEN_MODE && key !== 0 ? (this.#apps.keyOf(key)?.app ?? app) : app;
  }

  #rateOf(app: string, scope: 'app' | 'key'): Rate {
    const own = this.#overrides.get(app);
    const defaults = this.#defaults;
    const perSecond =
      scope === 'app'
        ? (own?.eventsPerSecond ?? defaults.appEventsPerSecond)
        : (own?.keyEventsPerSecond ?? defaults.keyEventsPerSecond);
    const burst = scope === 'app' ? (own?.burst ?? defaults.appBurst) : (own?.keyBurst ?? defaults.keyBurst);
    return { perSecond, burst: burst === 0 ? Math.max(1, perSecond) : burst };
  }
}

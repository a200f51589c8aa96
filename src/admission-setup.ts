/** Who may send, and how much: the keys and rates of the front, from the configuration and, where there is one, from Redis. */
import type { Apps } from './admission/apps.ts';
import { KeyBook } from './admission/key-book.ts';
import { createKeyMemory, KeyPage } from './admission/key-page.ts';
import { createLimitMemory, LimitPage } from './admission/limit-page.ts';
import { RateLimits, type RateSharing } from './admission/rate-limits.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { keepKeys, readKeptKeys } from './config/kept-keys.ts';
import { REDIS_RATE_INTERVAL_MS } from './limits.ts';
import type { Logger } from './log.ts';
import type { RedisAddress } from './redis/address.ts';

export interface Admission {
  /** Those of now. */
  readonly apps: Apps;
  readonly rateLimits: RateLimits;
  /** For the workers (admission/key-page.ts, limit-page.ts). */
  readonly keyMemory: SharedArrayBuffer;
  readonly limitMemory: SharedArrayBuffer;
  /** Whether it is known which keys there are. */
  keysAreRead(): boolean;
  /** Of the front's connections to Redis, the worst, by the numbers of penstock_redis_state; 0 without Redis. */
  redisState(): number;
  stop(): void;
}

/** What the front has of Redis. */
interface FrontRedis {
  readonly sharing: RateSharing;
  follow(book: KeyBook, onChange: () => void): void;
  keysAreRead(): boolean;
  state(): number;
  stop(): void;
}

/** Begins with the keys of the configuration, and those that the last start knew; nothing waits for Redis. */
export async function openAdmission(
  config: Config,
  address: RedisAddress | undefined,
  clock: Clock,
  log: Logger,
): Promise<Admission> {
  const keyMemory = createKeyMemory();
  const limitMemory = createLimitMemory();
  const book = new KeyBook(config.apps, new KeyPage(keyMemory));
  const redis = address && (await openFrontRedis(config, address, clock, log));
  const rateLimits = new RateLimits(config, book.apps, new LimitPage(limitMemory), clock, redis?.sharing);
  redis?.follow(book, () => rateLimits.update(book.apps));
  const timer = setInterval(() => void rateLimits.tick(), REDIS_RATE_INTERVAL_MS).unref();
  return {
    get apps() {
      return book.apps;
    },
    rateLimits,
    keyMemory,
    limitMemory,
    keysAreRead: () => redis?.keysAreRead() ?? true,
    redisState: () => redis?.state() ?? 0,
    stop: () => {
      clearInterval(timer);
      redis?.stop();
    },
  };
}

/** Loaded here because a start without Redis has no use for ioredis. */
async function openFrontRedis(
  config: Config,
  address: RedisAddress,
  clock: Clock,
  log: Logger,
): Promise<FrontRedis> {
  const [{ RedisLink }, { KeyRegistry }, { createRateSharing }] = await Promise.all([
    import('./redis/link.ts'),
    import('./redis/key-registry.ts'),
    import('./redis/rate-sharing.ts'),
  ]);
  let registry: InstanceType<typeof KeyRegistry> | undefined;
  const link = new RedisLink(address, {
    clock,
    log,
    name: 'penstock-front',
    hello: async (redis) => void (await redis.ping()),
    onChange: (isOpen) => {
      if (isOpen) registry?.read();
    },
  });
  const listener = new RedisLink(address, {
    clock,
    log,
    name: 'penstock-keys',
    hello: async (redis) => {
      await registry?.listen(redis);
    },
  });
  return {
    sharing: createRateSharing(link, address.keyPrefix),
    follow(book, onChange) {
      registry = new KeyRegistry(link, address.keyPrefix, readKeptKeys(config.dataDir), {
        log,
        apply: (state) => {
          const isApplied = book.apply(state);
          if (isApplied) onChange();
          return isApplied;
        },
        keep: (state) => keepKeys(config.dataDir, state),
      });
    },
    keysAreRead: () => registry?.isRead ?? false,
    state: () => Math.max(link.state, listener.state),
    stop: () => {
      registry?.stop();
      link.stop();
      listener.stop();
    },
  };
}

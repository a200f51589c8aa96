/** Where Redis is and how it is spoken to: plain data, cloned into every thread. */
import type { RedisOptions } from 'ioredis';
import type { Config } from '../config/config.ts';
import { REDIS_CONNECT_TIMEOUT_MS } from '../limits.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly db: number;
  readonly tls: boolean;
  /** PEM of authorities that are trusted instead of those that Node brings; empty for these. */
  readonly ca: string;
  /** What every key begins with. */
  readonly keyPrefix: string;
}

/** Undefined when no Redis is configured. `ca` is the text of redis.ca_file. */
export function redisAddress(config: Config['redis'], ca: string): RedisAddress | undefined {
  if (config.url === '') return undefined;
  const { hostname, port, protocol } = new URL(config.url);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    username: config.username,
    password: config.password,
    db: config.db,
    tls: protocol === 'rediss:',
    ca,
    keyPrefix: config.keyPrefix,
  };
}

/**
 * Options of a client that connects once, when told, and keeps nothing for later (link.ts). Its own ready check is off:
 * `hello` finds out more.
 */
export function clientOptions(address: RedisAddress): RedisOptions {
  return {
    host: address.host,
    port: address.port,
    ...(address.username === '' ? {} : { username: address.username }),
    ...(address.password === '' ? {} : { password: address.password }),
    db: address.db,
    ...(address.tls ? { tls: address.ca === '' ? {} : { ca: address.ca } } : {}),
    connectTimeout: REDIS_CONNECT_TIMEOUT_MS,
    // A silent server does not close its end: the next attempt need not wait for it.
    disconnectTimeout: 100,
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
  };
}

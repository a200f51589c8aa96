/**
 * Write keys that are added and taken away while processes run: a hash of Redis, digests of keys to names of apps, with a
 * version that grows with each change. A change is published; who hears it, or has connected anew, or finds another
 * version every REDIS_KEYS_POLL_MS, reads the whole hash: a message that is lost matters to nobody.
 *
 *   <prefix>keys           hash: SHA-256 of the key in hex → name of its app
 *   <prefix>keys-version   number of changes
 *   <prefix>keys-changed   channel: the new version
 *
 * What was read last is kept beside the journal (`keep`), for a start without Redis. Until either was read no key can be
 * called unknown: clients drop their events when they hear that. A Redis that has lost its registry is not followed: its
 * version is 0, which one whose last key was taken away does not have.
 */
import type { Redis } from 'ioredis';
import { REDIS_KEYS_POLL_MS } from '../limits.ts';
import type { Logger } from '../log.ts';
import type { RedisLink } from './link.ts';
import { scripted } from './scripts.ts';

/** What the registry says. */
export interface RegistryState {
  readonly version: number;
  /** Apps by the digests of their keys, in hex. */
  readonly apps: ReadonlyMap<string, string>;
}

/** Names of the registry's keys and of its channel. */
export function registryNames(keyPrefix: string) {
  return {
    keys: `${keyPrefix}keys`,
    version: `${keyPrefix}keys-version`,
    channel: `${keyPrefix}keys-changed`,
  };
}

export interface RegistryParts {
  readonly log: Logger;
  /** Takes over what was read; false when there is no room for it. */
  apply(state: RegistryState): boolean;
  /** Keeps what was read for the next start. May throw. */
  keep(state: RegistryState): void;
}

/** No version: the first answer is read whole. */
const UNREAD = -1;
const DIGEST = /^[0-9a-f]{64}$/;
const APP_BYTES_MAX = 128;

/** The registry as a process follows it; see the head of this file. */
export class KeyRegistry {
  readonly #link: Pick<RedisLink, 'call' | 'isOpen'>;
  readonly #names: ReturnType<typeof registryNames>;
  readonly #parts: RegistryParts;
  readonly #timer: NodeJS.Timeout;
  /** Of the Redis that is asked, and of what is followed. */
  #version = UNREAD;
  #followed: number;
  #isRead: boolean;
  #isReading = false;
  #isStale = false;

  /** `kept` is what the last start has kept, if it did. */
  constructor(
    link: Pick<RedisLink, 'call' | 'isOpen'>,
    keyPrefix: string,
    kept: RegistryState | undefined,
    parts: RegistryParts,
  ) {
    this.#link = link;
    this.#names = registryNames(keyPrefix);
    this.#parts = parts;
    this.#isRead = kept !== undefined && parts.apply(kept);
    this.#followed = this.#isRead ? (kept?.version ?? 0) : 0;
    this.#timer = setInterval(() => this.read(), REDIS_KEYS_POLL_MS).unref();
  }

  /** Whether it is known which keys there are. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Has a connection of its own listen for changes (hello of a link); it can do nothing else then. */
  async listen(redis: Redis): Promise<void> {
    redis.on('message', () => this.read());
    await redis.subscribe(this.#names.channel);
    // What was published before this is not heard.
    this.read();
  }

  /** Reads what has changed, if Redis can be reached. */
  read(): void {
    if (this.#isReading) this.#isStale = true;
    else void this.#readNow();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #readNow(): Promise<void> {
    if (!this.#link.isOpen) return;
    this.#isReading = true;
    this.#isStale = false;
    try {
      const { keys, version } = this.#names;
      const answer = await this.#link.call((redis) =>
        scripted(redis).penstockReadKeys(keys, version, this.#version),
      );
      this.#take(Number(answer[0]), answer.slice(1).map(String));
    } catch {
      // The link tells why.
    } finally {
      this.#isReading = false;
      if (this.#isStale) this.read();
    }
  }

  #take(version: number, pairs: readonly string[]): void {
    if (version === this.#version) return;
    const apps = new Map<string, string>();
    for (let at = 0; at + 1 < pairs.length; at += 2) {
      const [digest = '', app = ''] = pairs.slice(at, at + 2);
      if (DIGEST.test(digest) && app !== '' && Buffer.byteLength(app) <= APP_BYTES_MAX) apps.set(digest, app);
    }
    const state = { version, apps };
    const { log } = this.#parts;
    if (version === 0 && this.#followed > 0) {
      // Taking it at its word would turn everybody away, or let everybody in.
      log.error(
        { registryVersion: this.#followed },
        'Redis has lost the key registry; what was known of it goes on',
      );
      this.#version = version;
      return;
    }
    if (!this.#parts.apply(state)) {
      log.error(
        { registryVersion: version, count: apps.size },
        'the key registry is too large; its last change is not followed',
      );
      return;
    }
    this.#version = version;
    this.#followed = version;
    this.#isRead = true;
    log.info({ registryVersion: version, count: apps.size }, 'the key registry was read');
    try {
      this.#parts.keep(state);
    } catch (error) {
      log.error({ err: error }, 'the key registry cannot be kept for the next start');
    }
  }
}

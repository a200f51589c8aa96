// Hot path: a few calls a slab.
/**
 * The dedup window that processes share: ids whose events one of them has kept, in sets of Redis, one a time.
 *
 * The contract. An id stands in Redis only when its event stands in a journal: a slab's new ids are looked up before the
 * journal's write and told after it (after the sync, where journals wait for the disk). So
 *   - a process that dies between look-up and write has told nothing: the client sends again, and the event is kept;
 *   - one that dies between write and telling has kept an event that the others do not know: sent again to another
 *     process it is kept twice, sent again to this one, whose start reads its journal, once;
 *   - two processes that are given the same event within one round trip both keep it, as two threads do.
 * A repeat may be kept; an event is never dropped for one that no journal has. What a power failure takes from a journal
 * that was not synced is still known here: `journal.durability: fsync` is for who must not lose that.
 *
 * Ids are known for one window at least and two at most: the set of Redis' present window, and the one before. An id that
 * is told in the time of one set is looked for in it and the next. Ids are hashed under a key that the first process draws
 * and the others read, so that nobody who sends events can choose ids that look alike. A Redis that lost its key gets a
 * new one; ids under another key are found by nobody.
 *
 * A look-up that is not answered within timeoutMs finds nothing, and the slab goes on. Nothing waits for what is told: it
 * is on the connection before the slab's answer leaves the thread, and is lost with it.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { SHARED_ID_BYTES, type SharedWindow } from '../dedup/findings.ts';
import { REDIS_IDS_PER_CALL } from '../limits.ts';
import type { RedisLink } from './link.ts';
import { scripted } from './scripts.ts';

const KEY_BYTES = 16;
const NONE: readonly number[] = [];

export interface RedisWindowOptions {
  readonly keyPrefix: string;
  readonly windowMs: number;
  /** A slab waits at most so long. */
  readonly timeoutMs: number;
}

export class RedisWindow implements SharedWindow {
  /** What this thread has asked and told since the start. */
  readonly totals = {
    /** Slabs that were looked up, and the time that they waited for it. */
    redisLooks: 0,
    redisLookMicros: 0,
    /** Ids that were asked for, of them those that were known, and those without an answer; and ids that nobody was told of. */
    redisIdsAsked: 0,
    redisIdsFound: 0,
    redisIdsUnanswered: 0,
    redisIdsUntold: 0,
  };
  readonly #link: Pick<RedisLink, 'isOpen' | 'call'>;
  readonly #options: RedisWindowOptions;
  readonly #prefix: string;
  readonly #clock: Clock;
  #key: BigUint64Array | undefined;

  /** `link` is to call `hello` with each new connection. */
  constructor(link: Pick<RedisLink, 'isOpen' | 'call'>, options: RedisWindowOptions, clock: Clock) {
    this.#link = link;
    this.#options = options;
    this.#prefix = `${options.keyPrefix}ids:`;
    this.#clock = clock;
  }

  /** Agrees with the others on the key. Rejects when Redis does not do it. */
  async hello(redis: Redis): Promise<void> {
    const name = `${this.#options.keyPrefix}ids-key`;
    await redis.set(name, randomBytes(KEY_BYTES), 'NX');
    const bytes = await redis.getBuffer(name);
    if (bytes?.length !== KEY_BYTES) throw new Error(`${name} in Redis is no key of ${KEY_BYTES} bytes`);
    const key = new BigUint64Array(Uint8Array.from(bytes).buffer);
    const isSame = this.#key !== undefined && key.every((word, index) => word === this.#key?.[index]);
    if (!isSame) this.#key = key;
  }

  key(): BigUint64Array | undefined {
    return this.#link.isOpen ? this.#key : undefined;
  }

  async look(ids: Uint8Array): Promise<readonly number[]> {
    const { totals } = this;
    const count = ids.length / SHARED_ID_BYTES;
    const startedAtMs = this.#clock.monotonicMs();
    totals.redisLooks += 1;
    totals.redisIdsAsked += count;
    let found = NONE;
    try {
      found = await this.#link.call((redis) => this.#lookUp(redis, ids), this.#options.timeoutMs);
    } catch {
      totals.redisIdsUnanswered += count;
    }
    totals.redisIdsFound += found.length;
    totals.redisLookMicros += Math.round((this.#clock.monotonicMs() - startedAtMs) * 1000);
    return found;
  }

  tell(ids: Uint8Array | undefined, count: number): void {
    if (ids === undefined) {
      this.totals.redisIdsUntold += count;
      return;
    }
    for (const part of partsOf(ids)) void this.#tellPart(part);
  }

  async #tellPart(ids: Uint8Array): Promise<void> {
    try {
      const { windowMs } = this.#options;
      await this.#link.call((redis) => scripted(redis).penstockTell(this.#prefix, windowMs, ids));
    } catch {
      // The link tells why.
      this.totals.redisIdsUntold += ids.length / SHARED_ID_BYTES;
    }
  }

  /** One call, more for what would hold up everybody else in Redis; all are on their way before the first is answered. */
  async #lookUp(redis: Redis, ids: Uint8Array): Promise<readonly number[]> {
    const { windowMs } = this.#options;
    const parts = partsOf(ids);
    const answers = await Promise.all(
      parts.map((part) => scripted(redis).penstockLook(this.#prefix, windowMs, part)),
    );
    const [first = NONE] = answers;
    if (answers.length === 1) return first;
    return answers.flatMap((places, part) => places.map((place) => place + part * REDIS_IDS_PER_CALL));
  }
}

/** VIEWS of at most REDIS_IDS_PER_CALL ids each. */
function partsOf(ids: Uint8Array): Uint8Array[] {
  const partBytes = REDIS_IDS_PER_CALL * SHARED_ID_BYTES;
  if (ids.length <= partBytes) return [ids];
  return Array.from({ length: Math.ceil(ids.length / partBytes) }, (_, part) =>
    ids.subarray(part * partBytes, (part + 1) * partBytes),
  );
}

// Hot path: once a slab and app.
/**
 * Live counters: how many events of each app were accepted, rejected and repeats, minute by minute, over all processes.
 * A thread adds up what its slabs say and sends it with each slab. What could not be sent waits for the next, up to
 * REDIS_COUNTS_WAITING_MAX apps and minutes; what was sent and not answered may have been counted, and is not sent again.
 */
import { REDIS_COUNTS_WAITING_MAX } from '../limits.ts';
import type { RedisLink } from './link.ts';
import { scripted } from './scripts.ts';

const MINUTE_MS = 60_000;
/** Hashes of one call. */
const COUNTS_PER_CALL = 64;

interface Counts {
  accepted: number;
  rejected: number;
  duplicates: number;
}

export class LiveCounts {
  /** Events whose counts were given up for want of room, or of an answer. */
  lost = 0;
  readonly #link: Pick<RedisLink, 'isOpen' | 'call'>;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #waiting = new Map<string, Counts>();

  constructor(link: Pick<RedisLink, 'isOpen' | 'call'>, keyPrefix: string, ttlMs: number) {
    this.#link = link;
    this.#prefix = `${keyPrefix}count:`;
    this.#ttlMs = ttlMs;
  }

  /** Counts events of an app. */
  add(app: string, accepted: number, rejected: number, duplicates: number, nowMs: number): void {
    const name = `${this.#prefix}${app}:${Math.floor(nowMs / MINUTE_MS) * 60}`;
    let counts = this.#waiting.get(name);
    if (counts === undefined) {
      if (this.#waiting.size >= REDIS_COUNTS_WAITING_MAX) {
        this.lost += accepted + rejected + duplicates;
        return;
      }
      counts = { accepted: 0, rejected: 0, duplicates: 0 };
      this.#waiting.set(name, counts);
    }
    counts.accepted += accepted;
    counts.rejected += rejected;
    counts.duplicates += duplicates;
  }

  /** Sends what waits, if Redis can be reached. */
  send(): void {
    if (this.#waiting.size === 0 || !this.#link.isOpen) return;
    const all = [...this.#waiting];
    this.#waiting.clear();
    for (let at = 0; at < all.length; at += COUNTS_PER_CALL)
      void this.#sendPart(all.slice(at, at + COUNTS_PER_CALL));
  }

  async #sendPart(part: readonly (readonly [name: string, counts: Counts])[]): Promise<void> {
    const names = part.map(([name]) => name);
    const numbers = part.flatMap(([, counts]) => [counts.accepted, counts.rejected, counts.duplicates]);
    try {
      await this.#link.call((redis) =>
        scripted(redis).penstockCount(names.length, ...names, this.#ttlMs, ...numbers),
      );
    } catch {
      // The link tells why.
      this.lost += numbers.reduce((sum, number) => sum + number, 0);
    }
  }
}

/**
 * A worker's memory of the sessions whose messages it journaled, kept so that the first chunk of each segment can say
 * it again and the segments before may be deleted. It knows its own part only: the front adds up all workers'.
 *
 * Bounded by twice the front's count and time of life: the front forgets a session first, and with a new instance.
 */
import type { Clock } from '../clock.ts';
import { SESSION_RANGES_MAX } from '../limits.ts';
import { decodeEntries, encodeEntries, entryBytes, type SessionEntry } from './entry.ts';
import { SeqSet } from './seq-set.ts';

export interface SessionLogOptions {
  readonly sessionsMax: number;
  readonly ttlMs: number;
  /** Bytes of one snapshot. */
  readonly snapshotBytesMax: number;
  readonly clock: Clock;
}

interface Known {
  instance: number;
  usedAtMs: number;
  seen: SeqSet;
}

/** How much longer, and of how many more sessions, a worker knows than the front. */
const KEPT_FACTOR = 2;

export class SessionLog {
  readonly #options: SessionLogOptions;
  /** The one that was used longest ago first. */
  readonly #sessions = new Map<string, Known>();
  #cut = 0;

  constructor(options: SessionLogOptions) {
    this.#options = options;
  }

  /** Sessions that snapshots had no room for, so that the next start may not know them. */
  get cut(): number {
    return this.#cut;
  }

  /** Takes what a chunk that was appended says. */
  add(entries: readonly SessionEntry[]): void {
    for (const entry of entries) this.#take(entry);
    const countMax = this.#options.sessionsMax * KEPT_FACTOR;
    for (const key of this.#sessions.keys()) {
      if (this.#sessions.size <= countMax) break;
      this.#sessions.delete(key);
    }
  }

  /** Takes what a chunk of an earlier thread says. VIEW. */
  found(meta: Uint8Array): void {
    this.add(decodeEntries(meta));
  }

  /** All that is known, in the form of a chunk's meta; of too many, those that were used last. COPY. */
  snapshot(): Uint8Array {
    const { clock, ttlMs, snapshotBytesMax } = this.#options;
    const deadlineMs = clock.nowMs() - ttlMs * KEPT_FACTOR;
    const entries: SessionEntry[] = [];
    let bytes = 0;
    for (const [key, { instance, usedAtMs, seen }] of [...this.#sessions].reverse()) {
      const entry = { key, instance, low: seen.low, usedAtMs, ranges: seen.ranges };
      bytes += entryBytes(entry);
      if (usedAtMs >= deadlineMs && bytes <= snapshotBytesMax) {
        entries.push(entry);
        continue;
      }
      if (usedAtMs >= deadlineMs) this.#cut += 1;
      this.#sessions.delete(key);
    }
    return encodeEntries(entries.reverse());
  }

  #take({ key, instance, low, usedAtMs, ranges }: SessionEntry): void {
    let known = this.#sessions.get(key);
    if (known !== undefined && known.instance > instance) return;
    if (known === undefined || known.instance < instance)
      known = { instance, usedAtMs, seen: new SeqSet(low) };
    known.usedAtMs = Math.max(known.usedAtMs, usedAtMs);
    known.seen.raise(low);
    for (let at = 0; at < ranges.length; at += 2) known.seen.add(ranges[at] ?? 0, ranges[at + 1] ?? 0);
    known.seen.keepRanges(SESSION_RANGES_MAX);
    this.#sessions.delete(key);
    this.#sessions.set(key, known);
  }
}

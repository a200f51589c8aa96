/**
 * The front's sessions: what of each is journaled, and which connection has it. The workers' journals say it at a
 * start, and again when a thread was lost whose slabs may or may not have been journaled; until all have, nobody is
 * told a number.
 *
 * Bounded: SessionOptions.sessionsMax, oldest use first out; a session with a connection stays.
 */
import type { Clock } from '../clock.ts';
import { InFlight } from '../in-flight.ts';
import type { SessionTag } from '../slab/slab.ts';
import { decodeEntries, type SessionEntry } from './entry.ts';
import { SeqSet } from './seq-set.ts';

/** The connection that has a session. */
export interface SessionOwner {
  /** Another connection asks for the session: close, and let go of it. */
  replaced(): void;
}

/** A session of the front; see the head of this file. */
export class Session implements SessionTag {
  readonly key: string;
  /** Grows from one session of a key to the next (entry.ts). */
  readonly instance: number;
  /** What is journaled. */
  readonly seen: SeqSet;
  /** Messages that were sent to workers and are not back. */
  readonly inFlight = new InFlight();
  usedAtMs: number;
  isClaimed = false;
  owner: SessionOwner | undefined;
  /** Generation of the slab in which `place` is this session's place among the slab's sessions. */
  generation = 0;
  place = 0;

  /** All messages up to it are journaled. */
  get low(): number {
    return this.seen.low;
  }

  constructor(key: string, instance: number, seen: SeqSet, usedAtMs: number) {
    this.key = key;
    this.instance = instance;
    this.seen = seen;
    this.usedAtMs = usedAtMs;
  }
}

export interface SessionOptions {
  readonly sessionsMax: number;
  readonly ttlMs: number;
}

/** Asks all workers for what their journals say, and gives each answer to `take`; resolves when all have answered. */
export type CollectSessions = (take: (meta: Uint8Array) => void) => Promise<void>;

/** All sessions of the front; see the head of this file. */
export class SessionRegistry {
  readonly #options: SessionOptions;
  readonly #collect: CollectSessions;
  readonly #clock: Clock;
  /** The one that was used longest ago first. */
  #sessions = new Map<string, Session>();
  #instance = 0;
  #evictions = 0;
  #isRead = false;
  #certain: Promise<unknown>;

  /** Begins to ask the workers. */
  constructor(options: SessionOptions, collect: CollectSessions, clock: Clock) {
    this.#options = options;
    this.#collect = collect;
    this.#clock = clock;
    const found: SessionEntry[] = [];
    this.#certain = collect((meta) => found.push(...decodeEntries(meta))).then(() => this.#begin(found));
  }

  get count(): number {
    return this.#sessions.size;
  }

  /** Sessions that were forgotten before their time. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Whether what stood in the journals at the start is known. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** A worker was lost with messages of sessions: the journals say which of them it kept. */
  askAgain(): void {
    const asked = this.#collect((meta) => {
      for (const entry of decodeEntries(meta)) {
        const session = this.#sessions.get(entry.key);
        if (session?.instance === entry.instance) addEntry(session.seen, entry);
      }
    });
    this.#certain = Promise.all([this.#certain, asked]);
  }

  /**
   * The session of `key` for a new connection, which must release it; who had it is closed, and its messages are
   * waited for. Undefined when there are too many sessions with a connection, or `isGone` says that nobody waits.
   */
  async claim(key: string, isGone: () => boolean): Promise<Session | undefined> {
    for (;;) {
      let certain: unknown;
      while (certain !== this.#certain) {
        certain = this.#certain;
        await certain;
      }
      const session = isGone() ? undefined : this.#find(key);
      if (session === undefined) return undefined;
      if (!session.isClaimed && session.inFlight.count === 0) {
        session.isClaimed = true;
        this.#touch(session);
        return session;
      }
      // Without an owner its connection is just being made.
      if (session.isClaimed && session.owner === undefined) await turn();
      session.owner?.replaced();
      await session.inFlight.settled();
    }
  }

  /** The connection has ended, or was never made. */
  release(session: Session): void {
    session.isClaimed = false;
    session.owner = undefined;
    this.#touch(session);
  }

  #find(key: string): Session | undefined {
    const known = this.#sessions.get(key);
    if (known !== undefined && (known.isClaimed || !this.#isOver(known))) return known;
    this.#sessions.delete(key);
    if (!this.#makeRoom(this.#options.sessionsMax - 1)) return undefined;
    this.#instance += 1;
    const session = new Session(key, this.#instance, new SeqSet(), this.#clock.nowMs());
    this.#sessions.set(key, session);
    return session;
  }

  /** Forgets sessions until there are `countMax`; false when the rest have connections. */
  #makeRoom(countMax: number): boolean {
    for (const [key, session] of this.#sessions) {
      if (this.#sessions.size <= countMax) break;
      if (session.isClaimed || session.inFlight.count > 0) continue;
      if (!this.#isOver(session)) this.#evictions += 1;
      this.#sessions.delete(key);
    }
    return this.#sessions.size <= countMax;
  }

  #isOver({ usedAtMs }: Session): boolean {
    return this.#clock.nowMs() - usedAtMs > this.#options.ttlMs;
  }

  #touch(session: Session): void {
    session.usedAtMs = this.#clock.nowMs();
    this.#sessions.delete(session.key);
    this.#sessions.set(session.key, session);
  }

  #begin(found: readonly SessionEntry[]): void {
    for (const entry of found) {
      this.#instance = Math.max(this.#instance, entry.instance);
      const known = this.#sessions.get(entry.key);
      if (known !== undefined && known.instance > entry.instance) continue;
      const session =
        known?.instance === entry.instance
          ? known
          : new Session(entry.key, entry.instance, new SeqSet(), entry.usedAtMs);
      addEntry(session.seen, entry);
      session.usedAtMs = Math.max(session.usedAtMs, entry.usedAtMs);
      this.#sessions.set(entry.key, session);
    }
    const byUse = [...this.#sessions].sort(([, one], [, other]) => one.usedAtMs - other.usedAtMs);
    this.#sessions = new Map(byUse);
    this.#makeRoom(this.#options.sessionsMax);
    this.#isRead = true;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function addEntry(seen: SeqSet, { low, ranges }: SessionEntry): void {
  seen.raise(low);
  for (let at = 0; at < ranges.length; at += 2) seen.add(ranges[at] ?? 0, ranges[at + 1] ?? 0);
}

/**
 * How many unacknowledged bytes a WebSocket connection may have now, and what is kept free for those that were
 * promised before. Near the bound of memory or journal the credit shrinks, to nothing where HTTP requests are
 * refused; what clients sent before they knew finds room behind that, in the reserve.
 *
 *   0 ────────────── full credit ──────────────┬─ shrinks to message_bytes_max ─┬──── credit 0, 503 ────┤ bound
 *                                              CREDIT_SHRINK_SHARE of the bound    the reserve
 *
 * The reserve covers all credits while they fit CREDIT_RESERVE_SHARE of the bound: credits are smaller the more
 * connections there are, but never below one message. With many connections the sum can be more than is there; then a
 * burst of all of them at once ends in 1013, as for a client that ignores its credit.
 */
import type { Clock } from '../clock.ts';
import {
  CREDIT_AGE_MS_MAX,
  CREDIT_POOL_SHARE,
  CREDIT_RESERVE_SHARE,
  CREDIT_SHRINK_SHARE,
  SLAB_BYTES,
} from '../limits.ts';

/** The bounds, and what is in use now. */
export interface CreditSources {
  readonly memoryBytesMax: number;
  /** Undefined where the journal has no bound of its own. */
  readonly journalBytesMax: number | undefined;
  readonly messageBytesMax: number;
  /** Most that one connection gets. */
  readonly creditBytesMax: number;
  connections(): number;
  heldBytes(): number;
  journalBytes(): number;
}

/** Lines are longer than the messages they are made of, by what the server adds. */
const LINE_GROWTH = 2;

export class CreditPool {
  readonly #sources: CreditSources;
  readonly #clock: Clock;
  #credit = 0;
  #computedAtMs = Number.NEGATIVE_INFINITY;

  constructor(sources: CreditSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  /** Bytes of a connection's credit: 0, or at least one message. */
  credit(): number {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#computedAtMs >= CREDIT_AGE_MS_MAX) {
      this.#computedAtMs = nowMs;
      this.#credit = this.#compute();
    }
    return this.#credit;
  }

  /** How much of it was taken back for want of room: 0 for nothing, 1 for all. */
  shortage(): number {
    return 1 - Math.max(0, this.#share());
  }

  /** Bytes of the memory budget that are for promised messages only. */
  reservedMemoryBytes(): number {
    const { memoryBytesMax, journalBytesMax } = this.#sources;
    // Messages of one turn open a slab however small they are; their lines stay in memory where the journal does.
    return this.#reserved(memoryBytesMax, journalBytesMax === undefined ? LINE_GROWTH : 1, 2 * SLAB_BYTES);
  }

  /** Bytes of the journal that are for promised messages only. */
  reservedJournalBytes(): number {
    return this.#reserved(this.#sources.journalBytesMax ?? 0, LINE_GROWTH, 0);
  }

  #reserved(bytesMax: number, growth: number, extraBytes: number): number {
    const connections = this.#sources.connections();
    if (connections === 0) return 0;
    return Math.min(
      growth * connections * this.#fullCredit(connections) + extraBytes,
      Math.floor(bytesMax * CREDIT_RESERVE_SHARE),
    );
  }

  #compute(): number {
    const share = this.#share();
    if (share <= 0) return 0;
    const { messageBytesMax } = this.#sources;
    return Math.max(messageBytesMax, Math.floor(share * this.#fullCredit(this.#sources.connections())));
  }

  /** Of the full credit, at most 1; 0 or less where there is no room. */
  #share(): number {
    const { memoryBytesMax, journalBytesMax } = this.#sources;
    const memoryRoom = memoryBytesMax - this.reservedMemoryBytes() - this.#sources.heldBytes();
    return Math.min(
      memoryRoom / (memoryBytesMax * CREDIT_SHRINK_SHARE),
      journalBytesMax === undefined ? 1 : this.#journalShare(journalBytesMax),
      1,
    );
  }

  #journalShare(bytesMax: number): number {
    const room = bytesMax - this.reservedJournalBytes() - this.#sources.journalBytes();
    return room / (bytesMax * CREDIT_SHRINK_SHARE);
  }

  #fullCredit(connections: number): number {
    const { memoryBytesMax, messageBytesMax, creditBytesMax } = this.#sources;
    const part = Math.floor((memoryBytesMax * CREDIT_POOL_SHARE) / Math.max(1, connections));
    return Math.max(messageBytesMax, Math.min(creditBytesMax, part));
  }
}

/**
 * How much room there is for what clients send, asked before a byte is read: memory, journal, and the credit of streams,
 * which is promised out of both. Nearly full means that only what was promised is still taken.
 */
import { CreditPool } from './admission/credit-pool.ts';
import { RetryAfter } from './admission/retry-after.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import { UploadQueue } from './http/upload-queue.ts';
import { RESERVE_SHARE, UPLOAD_BUDGET_SHARE, UPLOAD_QUEUE_SHARE } from './limits.ts';
import type { CounterReader } from './metrics/counters.ts';
import { MemoryBudget } from './slab/budget.ts';

/** What stages that are built behind it have taken. */
export interface Taken {
  /** Open streams. */
  connections(): number;
  /** Bytes of slabs. */
  slabBytes(): number;
  /** Bytes of the journal that every sink has, since the start. */
  deliveredBytes(): number;
}

export interface Room {
  /** Whether new events are written to the disk; else they stand in memory, and the journal has no bound of its own. */
  readonly isKept: boolean;
  readonly memory: MemoryBudget;
  /** The part of it that uploads may have. */
  readonly uploads: MemoryBudget;
  readonly uploadQueue: UploadQueue;
  readonly credit: CreditPool;
  readonly retryAfter: RetryAfter;
  /** For what a stream was promised (`isPromised`), or for others; `reserveShare` of the bound is left free. */
  isJournalFull(isPromised?: boolean, reserveShare?: number): boolean;
  /** Whether what is left is for those alone that do not come again. */
  isReserveReached(): boolean;
  /** Share of the journal's bound. */
  journalFill(): number;
}

/** Of `taken` only `deliveredBytes` is called at once: the stages of the others may be built later. */
export function measureRoom(config: Config, counters: CounterReader, taken: Taken, clock: Clock): Room {
  const { durability, maxBytes: journalBytesMax } = config.journal;
  const memoryBytesMax = config.memory.maxBytes;
  const isKept = durability !== 'memory';
  const journalBytes = () => counters.total('journalBytes');
  const uploadQueue = new UploadQueue(memoryBytesMax * UPLOAD_QUEUE_SHARE, clock);
  const memory = new MemoryBudget(
    memoryBytesMax,
    () => counters.total('sinkBytes') + (isKept ? 0 : journalBytes()) + uploadQueue.bytes,
  );
  const credit = new CreditPool(
    {
      memoryBytesMax,
      journalBytesMax: isKept ? journalBytesMax : undefined,
      messageBytesMax: config.limits.messageBytesMax,
      creditBytesMax: config.limits.creditBytes,
      connections: taken.connections,
      heldBytes: taken.slabBytes,
      journalBytes,
    },
    clock,
  );
  const isJournalFull = (isPromised = false, reserveShare = 0) =>
    isKept &&
    journalBytes() >= journalBytesMax * (1 - reserveShare) - (isPromised ? 0 : credit.reservedJournalBytes());
  return {
    isKept,
    memory,
    uploads: memory.part(Math.floor(memoryBytesMax * UPLOAD_BUDGET_SHARE), () =>
      credit.reservedMemoryBytes(),
    ),
    uploadQueue,
    credit,
    retryAfter: new RetryAfter(clock, journalBytes, taken.deliveredBytes),
    isJournalFull,
    isReserveReached: () =>
      isJournalFull(false, RESERVE_SHARE) ||
      taken.slabBytes() >= memoryBytesMax * (1 - RESERVE_SHARE) - credit.reservedMemoryBytes(),
    journalFill: () => (isKept ? journalBytes() / journalBytesMax : 0),
  };
}

/**
 * Events that the server has not answered for, in their order. Each has a number, one more than the one before it; those
 * before `head` are done with. Only the newest are ever refused: what was taken is kept until it is answered for.
 *
 * Also the session of the stream: a message is one event, so message `seq` is event number `session.base + seq - 1`, and
 * an ack or a welcome that covers `seq` means that the queue begins at `base + seq`. That holds as long as
 * events leave by acks alone; once others left (`removeTo` without `isAck`), the next connection gets a new session.
 *
 * Bounded by events and bytes. Storage is a copy for later clients; when it fails, the queue goes on without it.
 */
import type { QueueStorage, SessionMark, StoredQueue } from './platform.ts';
import { memoryStorage } from './storage-memory.ts';

/** One event as it is sent. */
export interface QueueRecord {
  /** JSON; empty for one that this server will never take, whose number is still sent. */
  text: string;
  /** Of UTF-8. */
  bytes: number;
}

/** See the head of this file. */
export interface EventQueue {
  /** Number of the first event that waits. */
  head(): number;
  /** Number of the next event that is added. */
  tail(): number;
  /** Bytes of the events that wait. */
  bytes(): number;
  /** Whether numbers are final; before that nothing may be sent. */
  isOpen(): boolean;
  isPersistent(): boolean;
  /** Event number `number`, which waits. */
  at(number: number): QueueRecord | undefined;
  /** Events that wait, from number `start` on and before `end`. */
  slice(start: number, end?: number): readonly QueueRecord[];
  /** Takes over what storage has, before what was added meanwhile; then calls `done` with the number of events that it had. */
  open(done: (found: number) => void): void;
  /** Takes an event, or says false when the queue is full. */
  add(text: string, bytes: number): boolean;
  /** Events before number `end` are done with; gives their bytes. `isAck`: the session has counted them. */
  removeTo(end: number, isAck: boolean): number;
  /** Takes out the events of which `isGone`, and gives the rest new numbers; gives how many left. */
  drop(isGone: (record: QueueRecord) => boolean): number;
  /** The event's text is not to be sent, its number is. */
  blank(record: QueueRecord): void;
  /** The session for a connection: the one before, or a new one by `createId`. */
  beginSession(createId: () => string): SessionMark;
  /** The next connection gets a new session. */
  endSession(): void;
  /** Events before number `end` were sent in the session. */
  sent(end: number): void;
  /**
   * The server has `lastSeq` messages of the session. False when it counts otherwise than this queue, because it or
   * storage has forgotten: then the session is over, and another one is to be begun.
   */
  resume(lastSeq: number): boolean;
  /** Resolves when the events that wait now are done with. */
  whenDone(): Promise<void>;
  /** Resolves when storage has what was added before, or has failed. */
  saved(): Promise<void>;
  /** Lets go of storage, whose events a later client may take over. */
  close(): Promise<void>;
}

/** Bytes of a text as UTF-8. */
export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** A queue of at most `eventsMax` events and `bytesMax` bytes; `failed` is told of each failure of storage. */
export function createQueue(
  storage: QueueStorage,
  eventsMax: number,
  bytesMax: number,
  failed: (error: unknown) => void,
): EventQueue {
  let records: QueueRecord[] = [];
  let waiters: { end: number; readonly resolve: () => void }[] = [];
  let head = 1;
  let bytes = 0;
  let isOpen = false;
  let session: SessionMark | undefined;
  let sessionEnd = 1;
  let pending: Promise<unknown> | undefined;

  const tail = () => head + records.length;
  const snapshot = (): StoredQueue => ({ head, texts: textsOf(records), session });

  const keep = (act: () => void | Promise<void>) => {
    try {
      const saving = act();
      if (saving) pending = saving.catch(failed);
    } catch (error) {
      failed(error);
    }
  };

  const setSession = (next: SessionMark | undefined) => {
    if (next === session) return;
    session = next;
    keep(() => storage.saveSession(next));
  };

  const removeTo = (end: number, isAck: boolean) => {
    const count = Math.min(end, tail()) - head;
    if (count <= 0) return 0;
    // First, so that a crash between the two sends again what ids tell apart, instead of counting wrong.
    if (!isAck) setSession(undefined);
    const removed = sumOf(records.splice(0, count));
    bytes -= removed;
    head += count;
    keep(() => storage.removeTo(head, bytes));
    waiters = waiters.filter((waiter) => waiter.end > head || waiter.resolve());
    return removed;
  };

  const saved = async () => {
    for (let waited: unknown = head; waited !== pending; ) {
      waited = pending;
      await waited;
    }
  };

  return {
    head: () => head,
    tail,
    bytes: () => bytes,
    isOpen: () => isOpen,
    isPersistent: () => storage.isPersistent,
    at: (number) => records[number - head],
    slice: (start, end = tail()) => records.slice(Math.max(0, start - head), Math.max(0, end - head)),
    open: (done) => {
      const take = (stored: StoredQueue) => {
        const added = textsOf(records);
        const found = stored.texts.length;
        ({ head, session } = stored);
        sessionEnd = session?.end ?? head;
        records = [...stored.texts.map((text) => ({ text, bytes: utf8Bytes(text) })), ...records];
        bytes = sumOf(records);
        for (const waiter of waiters) waiter.end += head + found - 1;
        isOpen = true;
        if (added.length > 0) keep(() => storage.append(head + found, added));
        done(found);
      };
      const fail = (error: unknown) => {
        failed(error);
        storage = memoryStorage();
        take({ head, texts: [], session: undefined });
      };
      try {
        const stored = storage.open(snapshot);
        if (stored instanceof Promise) pending = stored.then(take, fail);
        else take(stored);
      } catch (error) {
        fail(error);
      }
    },
    add: (text, size) => {
      if (records.length >= eventsMax || bytes + size > bytesMax) return false;
      records.push({ text, bytes: size });
      bytes += size;
      if (isOpen) keep(() => storage.append(tail() - 1, [text]));
      return true;
    },
    removeTo,
    drop: (isGone) => {
      const kept = records.filter((record) => !isGone(record));
      const gone = records.length - kept.length;
      if (gone === 0) return 0;
      const start = tail();
      for (const waiter of waiters) waiter.end = start + kept.length;
      keep(() => storage.append(start, textsOf(kept)));
      records.push(...kept);
      bytes += sumOf(kept);
      removeTo(start, false);
      return gone;
    },
    blank: (record) => {
      bytes -= record.bytes;
      record.text = '';
      record.bytes = 0;
    },
    beginSession: (createId) => {
      if (session === undefined) {
        sessionEnd = head;
        setSession({ id: createId(), base: head });
      }
      return session as SessionMark;
    },
    endSession: () => setSession(undefined),
    sent: (end) => {
      sessionEnd = Math.max(sessionEnd, end);
    },
    resume: (lastSeq) => {
      if (session === undefined) return false;
      const { id, base } = session;
      const end = base + lastSeq;
      const isForeign = end < head || end > sessionEnd;
      removeTo(Math.min(end, sessionEnd), true);
      if (isForeign) setSession(undefined);
      else if (session.end !== undefined) setSession({ id, base });
      return !isForeign;
    },
    whenDone: () =>
      new Promise((resolve) => {
        if (isOpen && records.length === 0) resolve();
        else waiters.push({ end: tail(), resolve });
      }),
    saved,
    close: async () => {
      await saved();
      keep(() => storage.close());
      await saved();
    },
  };
}

function textsOf(records: readonly QueueRecord[]): string[] {
  return records.map(({ text }) => text);
}

function sumOf(records: readonly QueueRecord[]): number {
  return records.reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Queues in IndexedDB, one for each living page. A page holds a Web Lock by its queue's name for as long as it lives, which
 * the browser lets go of whatever ends it; so a queue whose lock is free belongs to nobody, and the next page takes it.
 *
 *   queues   id → its session, or null          events   [id, number] → JSON
 *
 * The first such queue is gone on with, in its session. Events of further ones are put behind it, without a session: of
 * those that were sent, ids tell the server.
 */
import { STORAGE_OPEN_MS_MAX } from './limits.ts';
import type { Platform, QueueStorage, SessionMark, StoredQueue } from './platform.ts';
import { createUuid } from './uuid.ts';

const QUEUES = 'queues';
const EVENTS = 'events';

type Write = (queues: IDBObjectStore, events: IDBObjectStore) => void;

/** Whether this place has what it takes; Web Locks need a secure context. */
export function hasIndexedDb(): boolean {
  try {
    return indexedDB !== undefined && navigator.locks !== undefined;
  } catch {
    // There is none, or it is forbidden to look.
    return false;
  }
}

/** Storage in the database `name`. */
export function indexedDbStorage(
  name: string,
  platform: Pick<Platform, 'after' | 'nowMs' | 'random'>,
): QueueStorage {
  let database: IDBDatabase | undefined;
  let id = '';
  const locks: (() => void)[] = [];
  let writes: Write[] = [];
  let written: Promise<void> | undefined;

  /** Calls of one turn are one transaction. */
  const write = (act: Write): Promise<void> => {
    writes.push(act);
    written ??= Promise.resolve().then(() => {
      const acts = writes;
      writes = [];
      written = undefined;
      if (database === undefined) return;
      const transaction = database.transaction([QUEUES, EVENTS], 'readwrite');
      for (const each of acts) each(transaction.objectStore(QUEUES), transaction.objectStore(EVENTS));
      return completed(transaction);
    });
    return written;
  };

  const close = () => {
    database?.close();
    database = undefined;
    for (const release of locks) release();
  };

  const take = async (): Promise<StoredQueue> => {
    const opened = await openDatabase(name);
    const ids = await asked(opened.transaction(QUEUES).objectStore(QUEUES).getAllKeys());
    const free: string[] = [];
    for (const candidate of [...ids.map(String), createUuid(platform)]) {
      const release = await lock(`${name} ${candidate}`);
      if (release === undefined) continue;
      locks.push(release);
      free.push(candidate);
    }
    const transaction = opened.transaction([QUEUES, EVENTS], 'readwrite');
    const taken = await takeOver(transaction.objectStore(QUEUES), transaction.objectStore(EVENTS), free);
    await completed(transaction);
    database = opened;
    id = taken.id;
    return taken.stored;
  };

  return {
    isPersistent: true,
    open: () =>
      new Promise((resolve, reject) => {
        let isLate = false;
        const cancel = platform.after(STORAGE_OPEN_MS_MAX, () => {
          isLate = true;
          reject(new Error('IndexedDB does not answer'));
        });
        take()
          .then((stored) => {
            // Its client goes on in memory.
            if (isLate) close();
            resolve(stored);
          }, reject)
          .finally(cancel);
      }),
    append: (first, texts) =>
      write((_, events) => {
        for (const [index, text] of texts.entries()) events.put(text, [id, first + index]);
      }),
    removeTo: (end) =>
      write((_, events) => {
        events.delete(IDBKeyRange.bound([id], [id, end], false, true));
      }),
    saveSession: (session) =>
      write((queues) => {
        queues.put(session ?? null, id);
      }),
    close,
  };
}

/** Makes one queue of those that are free, under the name of the first that has events. */
async function takeOver(
  queues: IDBObjectStore,
  events: IDBObjectStore,
  free: readonly string[],
): Promise<{ id: string; stored: StoredQueue }> {
  let id = free[0] ?? '';
  let session: SessionMark | undefined;
  let head = 1;
  const texts: string[] = [];
  for (const candidate of free) {
    const range = IDBKeyRange.bound([candidate], [candidate, []]);
    const found = (await asked(events.getAll(range))) as string[];
    const numbers = ((await asked(events.getAllKeys(range))) as [string, number][]).map((key) => key[1]);
    const first = numbers[0];
    if (first !== undefined && texts.length === 0) {
      id = candidate;
      head = first;
      const mark = (await asked(queues.get(candidate))) as SessionMark | null | undefined;
      // With a number that is missing nobody knows which message of the session is which.
      const isWhole = numbers.every((number, index) => number === head + index);
      if (mark && isWhole) session = { end: head + found.length, ...mark };
    }
    texts.push(...found);
    events.delete(range);
    queues.delete(candidate);
  }
  queues.put(session ?? null, id);
  for (const [index, text] of texts.entries()) events.put(text, [id, head + index]);
  return { id, stored: { head, texts, session } };
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore(QUEUES);
    request.result.createObjectStore(EVENTS);
  };
  return asked(request);
}

function asked<Value>(request: IDBRequest<Value>): Promise<Value> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function completed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Holds a lock until the function that it gives is called; undefined when somebody has it. */
function lock(name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, { ifAvailable: true }, (held) =>
        held === null ? resolve(undefined) : new Promise<void>((release) => resolve(release)),
      )
      .catch(reject);
  });
}

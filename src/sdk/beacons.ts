/**
 * What a page leaves behind when it goes. A beacon has no answer, so its events stay in the queue, and by their ids is
 * remembered when they were sent. Sent again soon, the server knows them for repeats. Later it may not, and a page that
 * comes back after hours would store them twice: then they are taken as stored.
 */
import { parseMembers } from './json.ts';
import { BEACON_TRUST_MS, BEACONS_MAX } from './limits.ts';
import type { Platform } from './platform.ts';
import type { QueueRecord } from './queue.ts';

const NAME = 'beacons';

/** One beacon, as it is kept. */
interface Mark {
  readonly atMs: number;
  readonly ids: readonly string[];
}

/** See the head of this file. */
export interface Beacons {
  /** They have been handed to the browser now. */
  add(records: readonly QueueRecord[]): void;
  /** Tells of an event whether it is not to be sent again; undefined when there is nothing new to say. */
  settled(): ((record: QueueRecord) => boolean) | undefined;
}

/** Id of an event; of those that this client makes it stands first. */
function idOf({ text }: QueueRecord): string {
  return /^\{"event_id":("(?:[^"\\]|\\.)*")/.exec(text)?.[1] ?? '';
}

/** The beacons of all pages of this app, by the platform's memory. */
export function openBeacons({ keyValue, nowMs }: Platform): Beacons {
  /** Marks up to this time have been told by `settled`. */
  let settledMs = 0;
  const read = () => parseMembers<{ marks: readonly Mark[] }>(keyValue.get(NAME)).marks ?? [];
  return {
    add: (records) => {
      const marks = [...read(), { atMs: nowMs(), ids: records.map(idOf) }];
      keyValue.set(NAME, JSON.stringify({ marks: marks.slice(-BEACONS_MAX) }));
    },
    settled: () => {
      const old = read().filter(({ atMs }) => nowMs() - atMs > BEACON_TRUST_MS);
      const newestMs = Math.max(0, ...old.map(({ atMs }) => atMs));
      if (newestMs <= settledMs) return undefined;
      settledMs = newestMs;
      const ids = new Set(old.flatMap((mark) => mark.ids));
      return (record) => ids.has(idOf(record));
    },
  };
}

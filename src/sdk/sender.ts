/**
 * Brings the queue to the server: over the stream while that works, else by POST, one way at a time. What is in the air
 * on one way is never sent on the other before a pause: two threads of the server that hold an event at the same moment
 * do not know it for a repeat.
 *
 *   idle ──▶ connecting ──▶ streaming          gathering ──▶ posting        resting ──▶ connecting or posting
 */
import { jitterMs } from './backoff.ts';
import { openBeacons } from './beacons.ts';
import {
  BATCH_EVENTS_MAX,
  FLUSH_INTERVAL_MS,
  PAGE_BATCH_BYTES_MAX,
  REFUSED_DELAY_MS,
  REPEAT_DELAY_MS_MIN,
  RETRY_DELAY_MS_MAX,
  RETRY_DELAY_MS_MIN,
  STREAM_RETRY_MS,
} from './limits.ts';
import type { ErrorCode, Options } from './options.ts';
import type { Platform } from './platform.ts';
import type { EventQueue, QueueRecord } from './queue.ts';
import { postBatch } from './transport-http.ts';
import { EndCode, openStream, type Stream, type StreamOwner } from './transport-stream.ts';
import { createUuid } from './uuid.ts';

/** Close code of a key that is unknown, by RFC 6455. */
const POLICY_VIOLATION = 1008;
/** … and of this server: another connection has the session. */
const REPLACED = 4001;

/** What became of events, counted by the sender. */
export interface SenderCounts {
  acknowledged: number;
  rejected: number;
  beaconed: number;
}

/** Tells the client what went wrong, and how many events are gone by it. */
export type ReportFault = (code: ErrorCode, message: string, events: number) => void;

/** See the head of this file. */
export interface Sender {
  /** What is in use now. */
  transport(): 'stream' | 'http' | 'none';
  /** There is something to send, at once when `isUrgent`. Pauses after a failure are kept all the same. */
  wake(isUrgent?: boolean): void;
  /** The network is back: what rests does not wait. */
  online(): void;
  /** The page may be going: hands to a beacon what was not sent. Events on the stream go on in their session. */
  left(): void;
  /** Sends nothing more. */
  close(): void;
}

type State = 'idle' | 'connecting' | 'streaming' | 'gathering' | 'posting' | 'resting';

/** A sender of `queue`; it counts in `counts`. */
export function createSender(
  platform: Platform,
  options: Options,
  queue: EventQueue,
  counts: SenderCounts,
  report: ReportFault,
): Sender {
  const { socket, beacon } = platform;
  const { transport } = options;
  const beacons = openBeacons(platform);
  let state: State = 'idle';
  let isClosed = false;
  let stream: Stream | undefined;
  let cancel: (() => void) | undefined;
  /** Attempts in a row without an answer for an event. */
  let failures = 0;
  let isUnreachable = false;
  /** Set while the stream is not tried, since it did not get through: ends that. */
  let unblock: (() => void) | undefined;
  let batchEventsMax = BATCH_EVENTS_MAX;
  /** Events before this number are in a POST, or were in the last one. */
  let postEnd = 0;
  /** Events before this number were handed to a beacon of this page. */
  let beaconEnd = 0;

  const urlOf = (path: string, session?: string) => {
    const { url, key, ack } = options;
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries({ key, ack, session })) if (value) query.set(name, value);
    return `${url.replace(/\/+$/, '')}/v1/${path}?${query}`;
  };
  const postUrl = () => urlOf('events/batch');

  const mayStream = () => socket !== undefined && transport !== 'http' && unblock === undefined;

  const rest = (next: State, delayMs: number) => {
    cancel?.();
    state = next;
    cancel = platform.after(delayMs, begin);
  };

  const begin = () => {
    cancel?.();
    if (queue.tail() === queue.head()) state = 'idle';
    else if (mayStream()) {
      state = 'connecting';
      const { id, base } = queue.beginSession(() => createUuid(platform));
      const url = urlOf('stream', id).replace(/^http/, 'ws');
      stream = openStream(platform, queue, owner, url, base);
    } else post().catch((error) => report('internal', String(error), 0));
  };

  const failed = (message: string, delayMsMin: number) => {
    failures += 1;
    if (!isUnreachable) report('unreachable', message, 0);
    isUnreachable = true;
    // The next attempt looks at the stream first again.
    unblock?.();
    const share = (platform.random(new Uint8Array(1))[0] ?? 0) / 255;
    const delayMsMax = options.retryDelayMsMax ?? RETRY_DELAY_MS_MAX;
    rest('resting', delayMsMin + jitterMs(failures, delayMsMax, share));
  };

  const refused = (message: string) => {
    report('refused', message, 0);
    rest('resting', REFUSED_DELAY_MS);
  };

  /** Takes events out that a beacon of long ago has; gives how many. */
  const settleBeacons = () => {
    const isSettled = beacon && beacons.settled();
    const gone = isSettled === undefined ? 0 : queue.drop(isSettled);
    counts.beaconed += gone;
    return gone;
  };

  const acknowledged = (events: number, rejected: number, message: string) => {
    failures = 0;
    counts.acknowledged += events;
    counts.rejected += rejected;
    if (rejected > 0) report('rejected', message, rejected);
  };

  const post = async () => {
    state = 'posting';
    settleBeacons();
    const records = cutBatch(queue.slice(0), batchEventsMax, platform.batchBytesMax);
    postEnd = queue.head() + records.length;
    if (records.length === 0) {
      begin();
      return;
    }
    const result = await postBatch(platform, postUrl(), bodyOf(records));
    if (result.kind === 'again') {
      if (isClosed) return;
      if (result.isRefused) refused(result.message);
      else failed(result.message, Math.max(REPEAT_DELAY_MS_MIN, result.afterMs));
      return;
    }
    isUnreachable = false;
    const isSmaller = result.kind === 'smaller';
    if (isSmaller && records.length > 1) batchEventsMax = Math.ceil(records.length / 2);
    else {
      queue.removeTo(postEnd, false);
      acknowledged(records.length, isSmaller ? 1 : result.rejected, result.message);
    }
    if (!isClosed) begin();
  };

  const endStream = () => {
    const ended = stream;
    stream = undefined;
    ended?.end(EndCode.idle);
  };

  const owner: StreamOwner = {
    acknowledged,
    welcomed: (lastSeq) => {
      isUnreachable = false;
      const head = queue.head();
      const isSame = queue.resume(lastSeq);
      counts.acknowledged += queue.head() - head;
      if (isSame && settleBeacons() === 0) {
        state = 'streaming';
        return true;
      }
      // A new session begins with a new connection. Of a queue that was changed, too.
      endStream();
      rest('resting', 0);
      return false;
    },
    tooLarge: (record) => {
      queue.blank(record);
      report('event_too_large', 'max_message_bytes', 1);
    },
    ended: (ended, code) => {
      if (ended !== stream) return;
      stream = undefined;
      if (code === REPLACED) queue.endSession();
      if (code === EndCode.idle) begin();
      else if (code === POLICY_VIOLATION) refused(String(code));
      else if (ended.sentEnd() > 0 || transport === 'stream') failed(String(code), RETRY_DELAY_MS_MIN);
      else {
        // Whether WebSockets or the server are in the way, a POST will show.
        const cancelUnblock = platform.after(STREAM_RETRY_MS, () => unblock?.());
        unblock = () => {
          cancelUnblock();
          unblock = undefined;
        };
        rest('resting', REPEAT_DELAY_MS_MIN);
      }
    },
  };

  return {
    transport: () => (stream ? 'stream' : state === 'gathering' || state === 'posting' ? 'http' : 'none'),
    wake: (isUrgent) => {
      const count = queue.tail() - queue.head();
      if (isClosed || !queue.isOpen() || count === 0) return;
      stream?.pump();
      const isDue = isUrgent || count >= batchEventsMax || mayStream();
      if (state === 'idle' && !isDue) rest('gathering', options.flushIntervalMs ?? FLUSH_INTERVAL_MS);
      else if (state === 'idle' || (state === 'gathering' && isDue)) begin();
    },
    online: () => {
      failures = 0;
      unblock?.();
      if (state === 'resting') begin();
    },
    left: () => {
      // A server that was not there a moment ago, or has no room (what a stream has not sent waits for credit), would not take
      // it; the queue is there when the page comes back.
      const isVain = isUnreachable || (stream?.sentEnd() ?? 0) > 0;
      if (!beacon || (isVain && queue.isPersistent())) return;
      const start = Math.max(beaconEnd, queue.head());
      // The answer of a POST in the air will not be heard either.
      const posted = state === 'posting' ? queue.slice(start, postEnd) : [];
      const next = Math.max(start + posted.length, stream?.sentEnd() ?? 0);
      const batch = cutBatch(queue.slice(next), BATCH_EVENTS_MAX, PAGE_BATCH_BYTES_MAX);
      const taken = batch.length > 0 && beacon(postUrl(), bodyOf(batch)) ? batch : [];
      if (posted.length + taken.length > 0) beacons.add([...posted, ...taken]);
      beaconEnd = next + taken.length;
    },
    close: () => {
      isClosed = true;
      cancel?.();
      endStream();
    },
  };
}

function cutBatch(
  records: readonly QueueRecord[],
  eventsMax: number,
  bytesMax: number,
): readonly QueueRecord[] {
  let bytes = 0;
  const end = records.findIndex((record, index) => {
    bytes += record.bytes + 1;
    return index > 0 && (bytes > bytesMax || index >= eventsMax);
  });
  return end === -1 ? records : records.slice(0, end);
}

function bodyOf(records: readonly QueueRecord[]): string {
  const texts = records.map(({ text }) => text);
  return `[${texts.filter(Boolean).join(',')}]`;
}

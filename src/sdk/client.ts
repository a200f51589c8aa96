/** The client's public face. No method throws or rejects, whatever it is given; what goes wrong is told to `onError`. */
import { openIdentity } from './identity.ts';
import { EVENT_BYTES_MAX, FLUSH_TIMEOUT_MS, QUEUE_BYTES_MAX, QUEUE_EVENTS_MAX } from './limits.ts';
import type { ErrorCode, EventFields, Options, Stats } from './options.ts';
import type { Platform } from './platform.ts';
import { createQueue, utf8Bytes } from './queue.ts';
import { createSender } from './sender.ts';
import { createUuid } from './uuid.ts';
import { LIBRARY } from './version.ts';

/** Sends events to one Penstock; see docs/client.md. */
export interface Penstock {
  /** Takes an event and gives its id; an empty text when it was not taken, of which `onError` is told. */
  track(eventType: string, data?: Record<string, unknown>, fields?: EventFields): string;
  /** A page was seen. */
  page(name?: string, data?: Record<string, unknown>, fields?: EventFields): string;
  /** From now on events are this person's; `traits` are the data of an event that says so. */
  identify(userId: string, traits?: Record<string, unknown>, fields?: EventFields): string;
  /** Forgets the person: after a log-out. */
  reset(): void;
  /** Sends what waits. True when the server has answered for all of it, false when that took longer. */
  flush(timeoutMs?: number): Promise<boolean>;
  /** Resolves when storage has all events that were taken before; at once where `stats().isPersistent` is false. */
  saved(): Promise<void>;
  /** Flushes, then ends the connection. What was not sent is kept for a later client, where storage keeps it. */
  close(timeoutMs?: number): Promise<boolean>;
  /** What became of events so far. */
  stats(): Stats;
}

/** A client of the platform that is `given`; the entries have one for each place. */
export function createPenstock(options: Options, given: Platform): Penstock {
  const { surroundings, nowMs } = given;
  const counts = { taken: 0, acknowledged: 0, rejected: 0, beaconed: 0, dropped: 0 };
  let isClosed = false;
  let hasStorageFailed = false;

  const report = (code: ErrorCode, message: string, events: number) => {
    try {
      options.onError?.({ code, message, events });
    } catch {
      // Theirs, and told to nobody: it would be told to itself.
    }
  };

  /** The application must not fall with its statistics. */
  const guard = <Result>(act: () => Result, events = 0): Result | undefined => {
    try {
      return act();
    } catch (error) {
      counts.dropped += events;
      report('internal', String(error), events);
      return undefined;
    }
  };

  const platform: Platform = {
    ...given,
    after: (delayMs, act, isAwaited) => given.after(delayMs, () => guard(act), isAwaited),
  };
  const identity = openIdentity(platform, options.deviceId);
  const queue = createQueue(
    platform.storage,
    options.queueEventsMax ?? QUEUE_EVENTS_MAX,
    options.queueBytesMax ?? QUEUE_BYTES_MAX,
    (error) => {
      if (!hasStorageFailed) report('storage_failed', String(error), 0);
      hasStorageFailed = true;
    },
  );
  const sender = createSender(platform, options, queue, counts, report);

  const drop = (code: ErrorCode, message: string) => {
    counts.dropped += 1;
    report(code, message, 1);
    return '';
  };

  const add = (eventType: string, data: Record<string, unknown> | undefined, fields: EventFields) => {
    if (isClosed || typeof eventType !== 'string' || eventType === '') {
      return drop('invalid_event', isClosed ? 'closed' : 'no type');
    }
    const eventId = fields.eventId ?? createUuid(platform);
    const who = identity.who();
    // The id stands first: beacons.ts reads it there.
    const event = {
      event_id: eventId,
      event_type: eventType,
      app_id: options.appId,
      device_id: fields.deviceId ?? who.device_id,
      user_id: fields.userId ?? who.user_id,
      session_id: fields.sessionId ?? who.session_id,
      timestamp: Number(fields.timestamp ?? nowMs()),
      platform: surroundings.platform,
      app_version: options.appVersion,
      attribution: { ...who.attribution, ...fields.attribution },
      event_data: data,
      context: { library: LIBRARY, ...surroundings.context(), ...fields.context },
    };
    const text = guardJson(event);
    if (text === undefined) return drop('invalid_event', eventType);
    const bytes = utf8Bytes(text);
    if (bytes > EVENT_BYTES_MAX) return drop('event_too_large', eventType);
    if (!queue.add(text, bytes)) return drop('queue_full', eventType);
    counts.taken += 1;
    sender.wake();
    return eventId;
  };

  const track = (eventType: string, data?: Record<string, unknown>, fields: EventFields = {}) =>
    guard(() => add(eventType, data, fields), 1) ?? '';

  const flush = (timeoutMs: number = FLUSH_TIMEOUT_MS) =>
    new Promise<boolean>((resolve) => {
      const cancel = platform.after(timeoutMs, () => resolve(false), true);
      void queue.whenDone().then(() => {
        cancel();
        resolve(true);
      });
      guard(() => sender.wake(true));
    });

  const unwatch = platform.watch?.(
    () => guard(sender.left),
    () => guard(sender.online),
  );
  queue.open((found) => {
    counts.taken += found;
    guard(sender.wake);
  });

  return {
    track,
    page: (name, data, fields) => track('page', { name, ...data }, fields),
    identify: (userId, traits, fields) => {
      guard(() => identity.identify(String(userId)));
      return track('identify', traits, fields);
    },
    reset: () => void guard(identity.reset),
    flush,
    saved: queue.saved,
    close: async (timeoutMs) => {
      isClosed = true;
      const isDone = await flush(timeoutMs);
      unwatch?.();
      guard(sender.close);
      await queue.close();
      return isDone;
    },
    stats: () => ({
      ...counts,
      queued: queue.tail() - queue.head(),
      queuedBytes: queue.bytes(),
      transport: sender.transport(),
      isPersistent: queue.isPersistent() && !hasStorageFailed,
    }),
  };
}

/** JSON of an event; undefined for what JSON cannot say: circles, big integers, what throws when it is looked at. */
function guardJson(event: object): string | undefined {
  try {
    return JSON.stringify(event);
  } catch {
    return undefined;
  }
}

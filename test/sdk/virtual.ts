/** A place for the client whose time, network and storage are the test's. */
import { createPenstock, type Penstock } from '../../src/sdk/client.ts';
import type { ClientError, Options } from '../../src/sdk/options.ts';
import type { KeyValue, Platform, QueueStorage, SessionMark, StoredQueue } from '../../src/sdk/platform.ts';
import { memoryKeyValue } from '../../src/sdk/storage-memory.ts';

/** A socket that the client made; the test is its server. */
export class VirtualSocket {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly url: URL;
  readonly sent: string[] = [];
  isClosed = false;

  constructor(url: string) {
    this.url = new URL(url);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  /** The server says this. */
  says(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  welcome(lastSeq = 0, creditBytes = 1_000_000, messageBytesMax = 1_000_000): void {
    this.says({
      type: 'welcome',
      last_seq: lastSeq,
      credit_bytes: creditBytes,
      max_message_bytes: messageBytesMax,
    });
  }

  ack(seq: number, rest: object = {}): void {
    this.says({ type: 'ack', seq, accepted: seq, rejected: 0, errors: [], ...rest });
  }

  /** The `n` of the events that it was sent. */
  numbers(): unknown[] {
    return numbersOf(`[${this.sent.join(',')}]`);
  }
}

/** An answer of the test to a POST. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

/** Storage that stays when its client is gone, as the test says; calls are kept. */
export class VirtualStorage implements QueueStorage {
  isPersistent = true;
  stored: StoredQueue = { head: 1, texts: [], session: undefined };
  /** Takes no event from now on, as if the process died before each write. */
  isDeaf = false;

  open(): StoredQueue {
    const { head, texts, session } = this.stored;
    this.stored = { head, texts, session: session && { end: head + texts.length, ...session } };
    return this.stored;
  }

  append(first: number, texts: readonly string[]): void {
    if (this.isDeaf) return;
    const { head, texts: known } = this.stored;
    this.stored = { ...this.stored, texts: [...known.slice(0, first - head), ...texts] };
  }

  removeTo(end: number): void {
    const { head, texts } = this.stored;
    this.stored = { ...this.stored, head: end, texts: texts.slice(end - head) };
  }

  saveSession(session: SessionMark | undefined): void {
    this.stored = { ...this.stored, session };
  }

  close(): void {}
}

export interface Place {
  readonly client: Penstock;
  readonly sockets: VirtualSocket[];
  /** Bodies of POSTs, and of beacons. */
  readonly posts: string[];
  readonly beacons: string[];
  readonly errors: ClientError[];
  readonly keyValue: KeyValue;
  readonly storage: VirtualStorage;
  /** What the next POSTs are answered; the last answer goes on. None: no way to the server. */
  answers: Answer[];
  /** Moves time, timer by timer, and lets promises settle after each. */
  pass(ms: number): Promise<void>;
  /** The socket made last. */
  socket(): VirtualSocket;
  /** The page may be going. */
  leave(): void;
  goOnline(): void;
}

/** `n` of the events in a body. */
export function numbersOf(body: string | undefined): unknown[] {
  const events = JSON.parse(body ?? '[]') as { event_data?: { n?: unknown } }[];
  return events.map((event) => event.event_data?.n);
}

export interface PlaceOptions extends Partial<Options> {
  readonly keyValue?: KeyValue;
  readonly queue?: VirtualStorage;
  readonly startMs?: number;
  readonly hasVisits?: boolean;
  campaign?(): Record<string, string> | undefined;
}

export const START_MS = Date.UTC(2026, 0, 1);

/** Makes a client there. */
export function createPlace(options: PlaceOptions = {}): Place {
  let nowMs = options.startMs ?? START_MS;
  let timers: { atMs: number; act: () => void }[] = [];
  let random = 1;
  let watchers: [left: () => void, online: () => void] | undefined;
  const { keyValue = memoryKeyValue(), queue: storage = new VirtualStorage(), ...rest } = options;
  const sockets: VirtualSocket[] = [];
  const posts: string[] = [];
  const beacons: string[] = [];
  const errors: ClientError[] = [];

  const platform: Platform = {
    surroundings: {
      platform: 'web',
      hasVisits: options.hasVisits ?? false,
      context: () => undefined,
      campaign: options.campaign ?? (() => undefined),
    },
    storage,
    keyValue,
    socket: class extends VirtualSocket {
      constructor(url: string) {
        super(url);
        sockets.push(this);
      }
    },
    fetch: (_, { body }) => {
      posts.push(body);
      const answer = place.answers.length > 1 ? place.answers.shift() : place.answers[0];
      if (answer === undefined) return Promise.reject(new TypeError('no way'));
      const { status, body: answered, headers } = answer;
      const text = typeof answered === 'string' ? answered : JSON.stringify(answered ?? {});
      const found = new Headers(headers);
      return Promise.resolve({ ok: status < 300, status, headers: found, text: () => Promise.resolve(text) });
    },
    batchBytesMax: 30_000,
    nowMs: () => nowMs,
    after: (delayMs, act) => {
      const timer = { atMs: nowMs + delayMs, act };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    random: (bytes) => {
      for (let at = 0; at < bytes.length; at++) {
        random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
        bytes[at] = random >> 16;
      }
      return bytes;
    },
    beacon: (_, body) => {
      beacons.push(body);
      return true;
    },
    watch: (left, online) => {
      watchers = [left, online];
      return () => {};
    },
  };

  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const place: Place = {
    client: undefined as never,
    sockets,
    posts,
    beacons,
    errors,
    keyValue,
    storage,
    answers: [],
    pass: async (ms) => {
      const endMs = nowMs + ms;
      await settle();
      for (;;) {
        const next = timers
          .filter(({ atMs }) => atMs <= endMs)
          .sort((one, other) => one.atMs - other.atMs)[0];
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        nowMs = Math.max(nowMs, next.atMs);
        next.act();
        await settle();
      }
      nowMs = endMs;
    },
    socket: () => sockets.at(-1) as VirtualSocket,
    leave: () => watchers?.[0](),
    goOnline: () => watchers?.[1](),
  };
  const client = createPenstock(
    { url: 'https://events.test', key: 'k1', onError: (error) => errors.push(error), ...rest },
    platform,
  );
  return Object.assign(place, { client });
}

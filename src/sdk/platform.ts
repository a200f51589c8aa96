/**
 * What the client needs of the place where it runs. Everything outside of its own logic comes in through this page, so
 * that one core serves browsers, Node and workers, and tests bring their own clock.
 */

/** The part of the WHATWG WebSocket that is used; Node 22, browsers, workers and the package `ws` have it. */
export interface Socket {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(): void;
}

/** A class of such sockets. */
export type SocketClass = new (url: string) => Socket;

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: {
    readonly method: 'POST';
    readonly body: string;
    readonly keepalive: boolean;
    readonly credentials: 'omit';
    readonly signal: object;
  },
) => Promise<{
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  text(): Promise<string>;
}>;

/** A few short texts that outlive the page or process, or not; both calls are quick and never throw. */
export interface KeyValue {
  get(name: string): string | undefined;
  /** `undefined` removes it. */
  set(name: string, value: string | undefined): void;
}

/** The session of the stream that a queue is sent in: its message number 1 is the event number `base`. */
export interface SessionMark {
  readonly id: string;
  readonly base: number;
  /**
   * Set when a queue is taken over, until its session goes on: events from this number on were never sent in it. A client that
   * died may have sent more than storage had yet, and those numbers are given out again.
   */
  readonly end?: number;
}

/** A queue as storage has it: events `head`, `head` + 1, … as JSON. */
export interface StoredQueue {
  readonly head: number;
  readonly texts: readonly string[];
  readonly session: SessionMark | undefined;
}

/**
 * Keeps a queue for a later client. One living client has a queue; what dead ones have left is taken over by `open`, with
 * `end` in its session. Calls come in order and may fail by throwing or rejecting: the client then goes on in memory.
 */
export interface QueueStorage {
  /** Whether it outlives the page or process. */
  readonly isPersistent: boolean;
  /** Gives what there is. `snapshot` gives the queue as it is at any later time, for storage that writes itself anew. */
  open(snapshot: () => StoredQueue): StoredQueue | Promise<StoredQueue>;
  /** Events number `first` and those behind it are new. */
  append(first: number, texts: readonly string[]): void | Promise<void>;
  /** Events before number `end` are done with; those behind it have `bytesLeft` bytes. */
  removeTo(end: number, bytesLeft: number): void | Promise<void>;
  saveSession(session: SessionMark | undefined): void | Promise<void>;
  /** Lets go of the queue, so that another client may take it. */
  close(): void | Promise<void>;
}

/** What a page or process adds to its events. */
export interface Surroundings {
  /** Column `platform`. */
  readonly platform: string;
  /** Whether events belong to visits of one person, as in a page: then they have a session_id and a person that is remembered. */
  readonly hasVisits: boolean;
  /** Of the moment; undefined where there is nothing to say. */
  context(): Record<string, unknown> | undefined;
  /** The campaign that brought the person here, from the page's address; undefined when it names none. */
  campaign(): Record<string, string> | undefined;
}

/** See the head of this file. */
export interface Platform {
  readonly surroundings: Surroundings;
  readonly storage: QueueStorage;
  readonly keyValue: KeyValue;
  readonly socket: SocketClass | undefined;
  readonly fetch: Fetch;
  /** Bytes of one POST. */
  readonly batchBytesMax: number;
  nowMs(): number;
  /** Runs `act` after `delayMs`, without keeping a process alive unless it `isAwaited`; gives what stops it. */
  after(delayMs: number, act: () => void, isAwaited?: boolean): () => void;
  /** Fills with random bytes. */
  random(bytes: Uint8Array): Uint8Array;
  /** Hands a POST to the browser, which sends it even when the page is gone; false when it does not take it. */
  beacon?(url: string, body: string): boolean;
  /** Calls `left` whenever the page may be going, and `online` when there is a network again. */
  watch?(left: () => void, online: () => void): () => void;
}

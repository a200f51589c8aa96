/** What the generator's process is told and tells; generator.ts is its entry. */
import type { Latencies, Latency } from './latencies.ts';

export interface GeneratorOptions {
  /** `http`: each request is answered before the connection sends the next; `stream`: WebSocket messages within the credit. */
  readonly kind: 'http' | 'stream';
  readonly host: string;
  readonly port: number;
  readonly requestFile: string;
  readonly connections: number;
  /** From the moment that all connections are open. */
  readonly seconds: number;
  /** Requests of the file a second, sent on schedule; latency then counts from the time a request was due. */
  readonly rate?: number;
  /** Header of the upgrade, `stream` only. */
  readonly key?: string;
}

export interface GeneratorResult extends Answers {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Events that were accepted in all, with those that were on their way when the time was over. */
  readonly eventsInAll: number;
  /** Requests that were never answered; such a round cannot be counted. */
  readonly unanswered: number;
  /** Requests that were due and not sent when the time was over. */
  readonly overdue: number;
}

/** Answers of a round. */
export interface Answers {
  /** Requests answered 200, writes of messages that were acknowledged; and their events. */
  readonly accepted: number;
  readonly events: number;
  /** Answers of 503, and any other. */
  readonly refused: number;
  readonly others: number;
  /** Of the accepted. */
  readonly latency: Latency;
}

/** What a load adds to while it runs. */
export interface Tally {
  accepted: number;
  events: number;
  refused: number;
  others: number;
  /** Sent and not answered. */
  inFlight: number;
  /** Nothing more is to be sent. */
  isOver: boolean;
  readonly latencies: Latencies;
}

/** A load whose connections are open. */
export interface OpenLoad {
  start(): void;
  /** Requests that are due and wait for a connection; 0 without a schedule. */
  overdue(): number;
}

/** Ends the process: a generator that does not understand its server measures nothing. */
export function fail(error: Error): never {
  process.stderr.write(`generator: ${error.message}\n`);
  process.exit(1);
}

/**
 * Calls `send` for every request that is due, with the time that it was due at; `send` says whether there was a connection
 * for it. `poke` tries again what is overdue.
 */
export class Schedule {
  readonly #rate: number;
  readonly #send: (dueAtMs: number) => boolean;
  readonly #tally: Tally;
  #startedAtMs = Number.POSITIVE_INFINITY;
  #sent = 0;

  constructor(rate: number, tally: Tally, send: (dueAtMs: number) => boolean) {
    this.#rate = rate;
    this.#tally = tally;
    this.#send = send;
  }

  start(): void {
    this.#startedAtMs = performance.now();
    setInterval(() => this.poke(), 1);
  }

  poke(): void {
    while (!this.#tally.isOver) {
      const dueAtMs = this.#startedAtMs + (this.#sent * 1000) / this.#rate;
      if (dueAtMs > performance.now() || !this.#send(dueAtMs)) return;
      this.#sent += 1;
    }
  }

  overdue(): number {
    const due = Math.floor(((performance.now() - this.#startedAtMs) * this.#rate) / 1000);
    return Math.max(0, due - this.#sent);
  }
}

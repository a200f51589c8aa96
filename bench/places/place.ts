/** Where a scenario's events end: what servers of a scenario share, and the part of it that each has for itself. */

/**
 * none: nowhere, checked and answered; journal: the server's own disk; embedded: the store inside Penstock; clickhouse,
 * kafka: a server of that kind, started for the bench, or the one that CLICKHOUSE_URL or KAFKA_BROKERS name.
 */
export const SINKS = ['none', 'journal', 'embedded', 'clickhouse', 'kafka'] as const;
export type SinkName = (typeof SINKS)[number];

/** One server's part: a folder, a database, a topic. */
export interface Place {
  readonly sink: SinkName;
  /** Its own, deleted with the place. */
  readonly folder: string;
  /** What a server is told by environment: CLICKHOUSE_URL and CLICKHOUSE_DATABASE, KAFKA_BROKERS and KAFKA_TOPIC. */
  readonly env: Readonly<Record<string, string>>;
  /** What stands there; undefined where only the server itself can say. */
  readonly count?: Count;
}

/** Counts what was stored. */
export interface Count {
  rows(): Promise<number>;
  /** Rows less those whose event_id another row has, which takes long; undefined where that is not looked at. */
  readonly distinct?: () => Promise<number>;
}

/** The servers behind the places. */
export interface Backend {
  /** What stands there, for the report. */
  readonly about: string;
  /** Processes whose CPU time the report shows as the sink's; empty for servers that were not started here. */
  readonly pids: readonly number[];
  place(owner: string): Promise<Place>;
  stop(): Promise<void>;
}

/** A scenario or a peer that cannot run here; the message says what is missing. */
export class Unavailable extends Error {}

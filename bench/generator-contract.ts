/** What the generator's process is told and tells; generator.ts is its entry. */

export interface GeneratorOptions {
  /** `http`: each request is answered before the connection sends the next; `stream`: WebSocket messages within the credit. */
  readonly kind: 'http' | 'stream';
  readonly host: string;
  readonly port: number;
  readonly requestFile: string;
  readonly connections: number;
  readonly seconds: number;
  /** HTTP requests a second, sent on schedule; latency then counts from the time a request was due. */
  readonly rate?: number;
  /** Header of the upgrade, `stream` only. */
  readonly key?: string;
}

export interface GeneratorResult {
  /** Answers of 200 or messages acknowledged, of 503, and any other. */
  readonly accepted: number;
  readonly refused: number;
  readonly others: number;
  readonly seconds: number;
  /** Of the accepted. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuSeconds: number;
}

/** What a load adds to while it runs. */
export interface Tally {
  accepted: number;
  refused: number;
  others: number;
  readonly latenciesMs: number[];
}

/** Ends the process: a generator that does not understand its server measures nothing. */
export function fail(error: Error): never {
  process.stderr.write(`generator: ${error.message}\n`);
  process.exit(1);
}

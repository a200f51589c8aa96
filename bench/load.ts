import autocannon from 'autocannon';

/** Write key of the bench; events of the corpus get their app by it, as SDK traffic does. */
export const BENCH_KEY = 'bench-key';

/** What one round of load brought. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  /** Answered 2xx; latencies are of these alone. */
  readonly requests: number;
  /** Share of all answers that were 503: the server at its memory budget, because its store is slower than the load. */
  readonly refusedShare: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly path: string;
  /** Sent in turn on every connection, so that no two requests in a row are alike. */
  readonly bodies: readonly Buffer[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections, sent on schedule (open loop); undefined: as fast as answers come. */
  readonly rate?: number;
}

/** One round of HTTP load with autocannon. Throws when any answer was neither a 2xx nor a 503: such a round measures nothing. */
export async function applyLoad(options: LoadOptions): Promise<LoadResult> {
  // autocannon's own percentiles are whole milliseconds.
  const latencies: number[] = [];
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: options.url,
        connections: options.connections,
        duration: options.seconds,
        ...(options.rate === undefined ? {} : { overallRate: options.rate }),
        requests: options.bodies.map((body) => ({
          method: 'POST' as const,
          path: options.path,
          headers: { 'content-type': 'application/json', 'x-api-key': BENCH_KEY },
          body,
        })),
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on('response', (_client, status, _bytes, responseTime) => {
      if (status === 200) latencies.push(responseTime);
    });
  });
  const refused = result.statusCodeStats?.['503']?.count ?? 0;
  if (result.non2xx > refused || result.errors > 0) {
    throw new Error(
      `${options.url}${options.path}: ${result.non2xx - refused} answers neither 2xx nor 503, ${result.errors} errors`,
    );
  }
  const accepted = result['2xx'];
  latencies.sort((a, b) => a - b);
  const percentile = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? Number.NaN;
  return {
    requestsPerSecond: accepted / result.duration,
    requests: accepted,
    refusedShare: refused / (accepted + refused),
    seconds: result.duration,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
  };
}

import autocannon from 'autocannon';
import { closedLoop } from './closed-loop.ts';
import { findIdDigits, writeFreshIds } from './fresh-ids.ts';
import { percentile } from './statistics.ts';

/** Write key of the bench; events of the corpus get their app by it, as SDK traffic does. */
export const BENCH_KEY = 'bench-key';

const HEADERS = { 'Content-Type': 'application/json', 'X-Api-Key': BENCH_KEY };

/** What one round of load brought. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  /** Answered 200; latencies are of these alone. */
  readonly requests: number;
  /** Share of all answers that were 503: the server at a bound, because its store is slower than the load. */
  readonly refusedShare: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU seconds of the generator a second: at 1 it is what was measured. */
  readonly generatorBusy: number;
}

export interface LoadOptions {
  readonly url: string;
  readonly path: string;
  /** Sent in turn, so that no two requests in a row are alike. */
  readonly bodies: readonly Buffer[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections, sent on schedule (open loop); undefined: as fast as answers come. */
  readonly rate?: number;
}

/**
 * One round of HTTP load: on schedule by autocannon, else by the generator of closed-loop.ts. Throws when any answer was
 * neither a 200 nor a 503: such a round measures nothing.
 */
export async function applyLoad(options: LoadOptions): Promise<LoadResult> {
  const { rate } = options;
  const round = rate === undefined ? await asFastAsAnswered(options) : await onSchedule(options, rate);
  if (round.others > 0) {
    throw new Error(
      `${options.url}${options.path}: ${round.others} answers are neither 200 nor 503, or failed`,
    );
  }
  return {
    requestsPerSecond: round.accepted / round.seconds,
    requests: round.accepted,
    refusedShare: round.refused / (round.accepted + round.refused),
    seconds: round.seconds,
    p50Ms: round.p50Ms,
    p99Ms: round.p99Ms,
    generatorBusy: round.cpuSeconds / round.seconds,
  };
}

function asFastAsAnswered(options: LoadOptions) {
  return closedLoop({ ...options, headers: HEADERS });
}

async function onSchedule(options: LoadOptions, rate: number) {
  // autocannon's own percentiles are whole milliseconds.
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: options.url,
        connections: options.connections,
        duration: options.seconds,
        overallRate: rate,
        requests: options.bodies.map((body) => {
          const places = findIdDigits(body);
          return {
            method: 'POST' as const,
            path: options.path,
            headers: HEADERS,
            body,
            setupRequest: (request: autocannon.Request) => {
              writeFreshIds(body, places);
              return { ...request, body };
            },
          };
        }),
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on('response', (_client, status, _bytes, responseTime) => {
      if (status === 200) latencies.push(responseTime);
    });
  });
  const cpu = process.cpuUsage(cpuBefore);
  const refused = result.statusCodeStats?.['503']?.count ?? 0;
  return {
    accepted: result['2xx'],
    refused,
    others: result.non2xx - refused + result.errors,
    seconds: result.duration,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

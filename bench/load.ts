import autocannon from 'autocannon';
import { generateHttp, generateStream } from './generate.ts';
import { percentile } from './statistics.ts';

/** Write key of the bench; events of the corpus get their app by it, as SDK traffic does. */
export const BENCH_KEY = 'bench-key';

/** autocannon writes an id of its own for `[<id>]`. */
const EVENT_ID = /("event_id":")[^"]*"/g;
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
  /** `stream`: `GET /v1/stream`, each body a message. */
  readonly path: string | 'stream';
  /** Sent in turn, so that no two requests in a row are alike; their events get ids of their own each time. */
  readonly bodies: readonly Buffer[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections, sent on schedule (open loop); undefined: as fast as answers come. */
  readonly rate?: number;
  /** Who sends: autocannon can only what is slow enough for it (generator.ts). */
  readonly generator?: 'own' | 'autocannon';
}

/** One round of load. Throws when any answer was neither a 200 nor a 503: such a round measures nothing. */
export async function applyLoad(options: LoadOptions): Promise<LoadResult> {
  const round = await applied(options);
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

function applied(options: LoadOptions) {
  if (options.path === 'stream') return generateStream(options, BENCH_KEY);
  return options.generator === 'autocannon'
    ? byAutocannon(options)
    : generateHttp(options, options.path, HEADERS);
}

async function byAutocannon(options: LoadOptions) {
  // autocannon's own percentiles are whole milliseconds.
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      {
        url: options.url,
        connections: options.connections,
        duration: options.seconds,
        idReplacement: true,
        ...(options.rate === undefined ? {} : { overallRate: options.rate }),
        requests: options.bodies.map((body) => ({
          method: 'POST' as const,
          path: options.path,
          headers: HEADERS,
          body: body.toString().replace(EVENT_ID, '$1[<id>]"'),
        })),
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

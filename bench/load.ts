/** One round of load against a server, by the generator that a scenario names. */
import autocannon from 'autocannon';
import { generateHttp, generateStream } from './generate.ts';
import type { GeneratorResult } from './generator-contract.ts';
import { Latencies, type Latency } from './latencies.ts';

/** Write key of the bench; events of the corpus get their app by it, as SDK traffic does. */
export const BENCH_KEY = 'bench-key';

/** autocannon writes an id of its own for `[<id>]`. */
const EVENT_ID = /("event_id":")[^"]*"/g;

/** What one round of load brought. */
export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Answered 200; latencies are of these alone. */
  readonly requests: number;
  /** Accepted within the round's time. */
  readonly events: number;
  /** … and with those that were on their way at its end: so many must be stored. Undefined: the generator cannot say. */
  readonly eventsInAll: number | undefined;
  /** Share of all answers that were 503: the server at a bound, because its store is slower than the load. */
  readonly refusedShare: number;
  readonly seconds: number;
  readonly latency: Latency;
  /** CPU seconds of the generator a second: near 1 it is what was measured. */
  readonly generatorBusy: number;
  /** Share of the requests that were due on schedule and could not be sent in time. */
  readonly overdueShare: number;
}

export interface LoadOptions {
  readonly url: string;
  /** `stream`: `GET /v1/stream`, each body a message. */
  readonly path: string | 'stream';
  /** Sent in turn, so that no two requests in a row are alike; their events get ids of their own each time. */
  readonly bodies: readonly Buffer[];
  readonly eventsPerBody: number;
  readonly isGzip?: boolean;
  readonly connections: number;
  readonly seconds: number;
  /** Bodies a second over all connections, sent on schedule (open loop); undefined: as fast as answers come. */
  readonly rate?: number;
  /** Who sends: autocannon can only what is slow enough for it (generator.ts). */
  readonly generator?: 'own' | 'autocannon';
}

/** One round of load. Throws when any answer was neither a 200 nor a 503: such a round measures nothing. */
export async function applyLoad(options: LoadOptions): Promise<LoadResult> {
  const round = await applied(options);
  if (round.others > 0)
    throw new Error(
      `${options.url} ${options.path}: ${round.others} answers are neither 200 nor 503, or failed`,
    );
  if (round.eventsInAll === 0)
    throw new Error(`${options.url} ${options.path}: nothing was accepted in ${round.seconds} s`);
  const due = options.rate === undefined ? 0 : options.rate * round.seconds;
  return {
    requestsPerSecond: round.accepted / round.seconds,
    eventsPerSecond: round.events / round.seconds,
    requests: round.accepted,
    events: round.events,
    eventsInAll: round.unanswered === 0 ? round.eventsInAll : undefined,
    refusedShare: round.refused / (round.accepted + round.refused),
    seconds: round.seconds,
    latency: round.latency,
    generatorBusy: round.cpuSeconds / round.seconds,
    overdueShare: due === 0 ? 0 : round.overdue / due,
  };
}

function applied(options: LoadOptions): Promise<GeneratorResult> {
  if (options.path === 'stream') return generateStream(options, BENCH_KEY);
  const headers = headersOf(options);
  return options.generator === 'autocannon'
    ? byAutocannon(options, headers)
    : generateHttp(options, options.path, headers);
}

function headersOf({ isGzip = false }: LoadOptions): Record<string, string> {
  return {
    'Content-Type': 'application/json',
    'X-Api-Key': BENCH_KEY,
    ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
  };
}

async function byAutocannon(options: LoadOptions, headers: Record<string, string>): Promise<GeneratorResult> {
  if (options.isGzip === true)
    throw new Error('autocannon cannot send compressed bodies with ids of their own');
  // autocannon's own percentiles are whole milliseconds.
  const latencies = new Latencies();
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
          headers,
          body: body.toString().replace(EVENT_ID, '$1[<id>]"'),
        })),
      },
      (error, done) => (error ? reject(error) : resolve(done)),
    );
    instance.on('response', (_client, status, _bytes, responseTime) => {
      if (status === 200) latencies.add(responseTime);
    });
  });
  const cpu = process.cpuUsage(cpuBefore);
  const refused = result.statusCodeStats?.['503']?.count ?? 0;
  const accepted = result['2xx'];
  return {
    accepted,
    events: accepted * options.eventsPerBody,
    eventsInAll: accepted * options.eventsPerBody,
    refused,
    others: result.non2xx - refused + result.errors,
    // It drops its connections with requests on their way, and does not say how many.
    unanswered: options.connections,
    overdue: 0,
    seconds: result.duration,
    latency: latencies.summarise(),
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
  };
}

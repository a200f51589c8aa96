/** Which sinks are on, and how they are over all threads, from what these write into the counters: for `/ready`. */
import type { Config } from './config/config.ts';
import type { CounterReader } from './metrics/counters.ts';
import { type SinkName, sinkWord } from './metrics/names.ts';
import { SERVER_STATES, type ServerState } from './sinks/clickhouse/server.ts';
import { SinkState, STREAMS } from './sinks/sink.ts';

export interface SinkStates {
  /** By sink, the worst state of its breakers (metrics/names.ts). */
  readonly breakers: readonly (readonly [sink: SinkName, state: number])[];
  readonly kafka: 'off' | 'starting' | 'failing' | 'ok';
  /** The worst of the threads' states, and whether each has seen the server work; undefined when none is configured. */
  readonly clickhouse: { readonly state: ServerState; readonly wasOk: boolean } | undefined;
}

/** Those that events go to. */
export function sinksOf({ embedded, kafka, clickhouse }: Config): SinkName[] {
  const isOn = {
    embedded: embedded.enabled,
    kafka: kafka.brokers.length > 0,
    clickhouse: clickhouse.url !== '',
  };
  return (['embedded', 'kafka', 'clickhouse'] as const).filter((sink) => isOn[sink]);
}

/** How the `sinks` that are on are now. */
export function readSinkStates(counters: CounterReader, sinks: readonly SinkName[]): SinkStates {
  return {
    breakers: sinks.map((sink) => [sink, worstBreaker(counters, sink)]),
    kafka: sinks.includes('kafka') ? worstKafka(counters) : 'off',
    clickhouse: sinks.includes('clickhouse') ? worstServer(counters) : undefined,
  };
}

/** Over threads and streams. */
function worstBreaker(counters: CounterReader, sink: SinkName): number {
  return Math.max(...STREAMS.map((stream) => counters.max(sinkWord(sink, stream, 'breaker'))));
}

/** An outage is not ready's business: the journal takes the events, and says when it is full. */
function worstKafka(counters: CounterReader): SinkStates['kafka'] {
  const states = Array.from({ length: counters.threadCount }, (_, slot) => counters.read('kafkaState', slot));
  if (states.includes(SinkState.starting)) return 'starting';
  return states.includes(SinkState.failing) ? 'failing' : 'ok';
}

function worstServer(counters: CounterReader): SinkStates['clickhouse'] {
  return {
    state: SERVER_STATES[counters.max('clickhouseState')] ?? 'starting',
    wasOk: counters.total('clickhouseSeen') === counters.threadCount,
  };
}

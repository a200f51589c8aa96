/** What a thread's deliveries tell of themselves, written into the words of each sink and stream. */
import { STREAMS, type StreamName } from '../sinks/sink.ts';
import type { ThreadCounters } from './counters.ts';
import { SINK_COUNTERS, SINKS, type SinkCounter, sinkWord } from './names.ts';

/** How far one delivery is; counters are totals of its life. */
export interface DeliveryReport extends Readonly<Record<SinkCounter, number>> {
  readonly sink: string;
  readonly stream: StreamName;
  /** 0 closed, 1 half-open, 2 open. */
  readonly breaker: number;
  readonly lagRows: number;
  /** When the oldest row was received that is not delivered; undefined when there is none. */
  readonly oldestTimeMs: number | undefined;
}

/** A function that writes the state of all deliveries of one thread, each time of the same ones, at `nowMs` by the wall clock. */
export function createSinkReport(
  counters: ThreadCounters,
): (reports: readonly DeliveryReport[], nowMs: number) => void {
  const reported = new Map<string, number>();
  return (reports, nowMs) => {
    for (const sink of SINKS) {
      for (const stream of STREAMS) {
        const own = reports.filter((report) => report.sink === sink && report.stream === stream);
        if (own.length === 0) continue;
        // The front stamps the chunks, and its clock may have been ahead.
        const ageMs = ({ oldestTimeMs = nowMs }: DeliveryReport) => Math.max(0, nowMs - oldestTimeMs);
        counters.set(sinkWord(sink, stream, 'breaker'), Math.max(...own.map(({ breaker }) => breaker)));
        counters.set(sinkWord(sink, stream, 'lagRows'), sum(own.map(({ lagRows }) => lagRows)));
        counters.set(sinkWord(sink, stream, 'lagMs'), Math.floor(Math.max(...own.map(ageMs))));
        for (const { key } of SINK_COUNTERS) {
          const word = sinkWord(sink, stream, key);
          const total = sum(own.map((report) => report[key]));
          counters.add(word, total - (reported.get(word) ?? 0));
          reported.set(word, total);
        }
      }
    }
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

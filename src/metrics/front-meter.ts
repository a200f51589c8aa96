/** What the front counts into its own row of the statistics, and what it reads out of those of all threads. */
import type { Clock } from '../clock.ts';
import { BEAT_INTERVAL_MS } from '../limits.ts';
import { countAcks } from './ack-latency.ts';
import type { CounterReader } from './counters.ts';
import {
  createStatisticsMemory,
  histogramPlace,
  type StatisticsMemory,
  StatisticsReader,
  ThreadStatistics,
} from './statistics.ts';
import { eachCell, settleDeadThread, type TrafficLabels, trafficWord, trafficWords } from './traffic.ts';
import { ThreadVitals } from './vitals.ts';

const ACK_WAIT = histogramPlace('ackWait');
/** Places among the label sets of `ackWait`. */
const ACK_WAIT_PLACE = { fsync: 0, delivered: 1 } as const;

/** A slab that came back, as far as it is measured. VIEW of its words. */
interface AnsweredSlab {
  readonly words: Uint32Array;
  readonly openedAtMs: number;
}

export class FrontMeter {
  /** For the worker threads. */
  readonly memory: StatisticsMemory;
  readonly labels: TrafficLabels;
  readonly reader: StatisticsReader;
  readonly #clock: Clock;
  readonly #own: ThreadStatistics;
  readonly #vitals: ThreadVitals;
  readonly #timer: NodeJS.Timeout;

  /** Rows for `workers` threads and the front; measures the front until `end`. */
  constructor(workers: number, labels: TrafficLabels, clock: Clock) {
    this.memory = createStatisticsMemory(workers + 1, trafficWords(labels));
    this.labels = labels;
    this.reader = new StatisticsReader(this.memory);
    this.#clock = clock;
    this.#own = new ThreadStatistics(this.memory, workers);
    this.#vitals = new ThreadVitals(this.#own);
    this.#timer = setInterval(() => this.#vitals.beat(clock.monotonicMs()), BEAT_INTERVAL_MS).unref();
  }

  /** The owners of a slab's frames were told of its verdicts. */
  answered({ words, openedAtMs }: AnsweredSlab): void {
    countAcks(this.#own, words, openedAtMs, this.#clock.monotonicMs());
  }

  /** `count` answers have waited `ms` for more than the journal. */
  waited(level: string, ms: number, count: number): void {
    const place = level === 'delivered' ? ACK_WAIT_PLACE.delivered : ACK_WAIT_PLACE.fsync;
    this.#own.begin();
    this.#own.observe(ACK_WAIT, place, ms / 1000, count);
    this.#own.end();
  }

  /** The thread of `slot` is gone; no other has the slot yet. */
  threadDied(slot: number): void {
    settleDeadThread(new ThreadStatistics(this.memory, slot), this.labels);
  }

  /** Seconds that slabs have waited for a thread so far, and how many of them. */
  queueWait(): { readonly sum: number; readonly count: number } {
    let sum = 0;
    let count = 0;
    for (const row of this.reader.copy()) {
      const total = row.total('queueWait');
      sum += total.sum;
      count += total.count;
    }
    return { sum, count };
  }

  /** Rows that the sinks have by now, in bytes of lines by the average line so far. */
  deliveredBytes(counters: CounterReader): number {
    let accepted = 0;
    for (const { words } of this.reader.copy()) {
      eachCell(this.labels, (cell) => {
        accepted += words[cell + trafficWord('accepted')] ?? 0;
      });
    }
    return accepted === 0 ? 0 : (counters.total('delivered') * counters.total('lineBytes')) / accepted;
  }

  /** Stops measuring. */
  end(): void {
    clearInterval(this.#timer);
    this.#vitals.end();
  }
}

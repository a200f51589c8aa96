/**
 * What a thread tells of itself, from a timer of its own: a sign of life, how late the timer was, pauses of its garbage
 * collector, and once a second its processor time and heap. A thread that stands still tells nothing, which the front
 * sees by its last sign of life.
 */
import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import { BEAT_INTERVAL_MS } from '../limits.ts';
import { histogramPlace, type ThreadStatistics } from './statistics.ts';
import type { GC_KINDS } from './statistics-names.ts';
import { readThreadCpu, type ThreadCpu } from './thread-cpu.ts';

const LOOP_DELAY = histogramPlace('loopDelay');
const GC = histogramPlace('gc');
/** Beats from one look at processor time and heap to the next: a second. */
const BEATS_A_LOOK = Math.ceil(1000 / BEAT_INTERVAL_MS);

/** Places in GC_KINDS. */
const GC_PLACE: Readonly<Record<number, number>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: 0 satisfies Place<'minor'>,
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 1 satisfies Place<'major'>,
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 2 satisfies Place<'incremental'>,
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 3 satisfies Place<'weakcb'>,
};
type Place<Kind extends (typeof GC_KINDS)[number]> = {
  [Index in 0 | 1 | 2 | 3]: (typeof GC_KINDS)[Index] extends Kind ? Index : never;
}[0 | 1 | 2 | 3];

/** An entry of type `gc`; the types of node:perf_hooks leave its detail out. */
interface GcEntry {
  readonly duration: number;
  readonly detail: { readonly kind: number };
}

/** The vitals of the calling thread; `beat` must be called by a timer of BEAT_INTERVAL_MS. */
export class ThreadVitals {
  readonly #statistics: ThreadStatistics;
  readonly #observer: PerformanceObserver;
  #lastBeatMs: number | undefined;
  #beats = 0;
  #cpu: ThreadCpu = { userMs: 0, systemMs: 0 };
  #loop = performance.eventLoopUtilization();

  /** Observes the garbage collector until `end`. */
  constructor(statistics: ThreadStatistics) {
    this.#statistics = statistics;
    this.#observer = new PerformanceObserver((list) => {
      statistics.begin();
      for (const entry of list.getEntries() as unknown as GcEntry[]) {
        statistics.observe(GC, GC_PLACE[entry.detail.kind] ?? 0, entry.duration / 1000);
      }
      statistics.end();
    });
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** A sign of life at `monotonicMs`. */
  beat(monotonicMs: number): void {
    const statistics = this.#statistics;
    const last = this.#lastBeatMs;
    this.#lastBeatMs = monotonicMs;
    const isLook = this.#beats++ % BEATS_A_LOOK === 0;
    const look = isLook ? this.#look() : undefined;
    statistics.begin();
    statistics.beat(monotonicMs);
    if (last !== undefined) {
      const lateMs = Math.max(0, monotonicMs - last - BEAT_INTERVAL_MS);
      statistics.observe(LOOP_DELAY, 0, lateMs / 1000);
    }
    if (look !== undefined) {
      statistics.add('cpuUserMs', look.userMs);
      statistics.add('cpuSystemMs', look.systemMs);
      statistics.add('activeMs', look.activeMs);
      statistics.set('heapUsedBytes', look.heapUsedBytes);
    }
    statistics.end();
  }

  /** Stops observing. */
  end(): void {
    this.#observer.disconnect();
  }

  /** What was used since the last look: the row may have been another thread's, whose totals stay. */
  #look() {
    const cpu = readThreadCpu() ?? this.#cpu;
    const loop = performance.eventLoopUtilization();
    const look = {
      userMs: cpu.userMs - this.#cpu.userMs,
      systemMs: cpu.systemMs - this.#cpu.systemMs,
      activeMs: Math.max(0, loop.active - this.#loop.active),
      heapUsedBytes: getHeapStatistics().used_heap_size,
    };
    this.#cpu = cpu;
    this.#loop = loop;
    return look;
  }
}

/**
 * How near the process is to refusing events, from 0 to 1, for an autoscaler: the worst of how long frames wait for a
 * thread, how full the journal is, and how much credit was taken back from streams. Waiting is smoothed over some ten
 * seconds, since a single slab says little; the others move slowly by themselves.
 */
import { PRESSURE_QUEUE_WAIT_MS, PRESSURE_SMOOTHING } from '../limits.ts';

/** What pressure is computed from. */
export interface PressureSources {
  /** Seconds that slabs have waited for a thread, and how many of them, since the start. */
  queueWait(): { readonly sum: number; readonly count: number };
  /** How long the oldest frame without a verdict waits now. */
  oldestFrameMs(): number;
  /** 0 to 1. */
  journalFill(): number;
  /** 0 for full credit, 1 for none. */
  creditShortage(): number;
}

/** 0 to 1 each. */
export interface Pressure {
  readonly queueWait: number;
  readonly journal: number;
  readonly credit: number;
}

/** Samples what presses; see the head of this file. */
export class PressureGauge {
  readonly #sources: PressureSources;
  #last: { readonly sum: number; readonly count: number };
  #waitMs = 0;

  constructor(sources: PressureSources) {
    this.#sources = sources;
    this.#last = sources.queueWait();
  }

  /** Looks at the waiting since the last call; to be called once a second. */
  sample(): void {
    const now = this.#sources.queueWait();
    const slabs = now.count - this.#last.count;
    const meanMs = slabs === 0 ? 0 : ((now.sum - this.#last.sum) * 1000) / slabs;
    this.#last = now;
    // A thread that is stuck begins with nothing, so that only the oldest frame tells of it.
    const waitMs = Math.max(meanMs, this.#sources.oldestFrameMs());
    this.#waitMs += PRESSURE_SMOOTHING * (waitMs - this.#waitMs);
  }

  /** What presses. */
  parts(): Pressure {
    return {
      queueWait: share(this.#waitMs / PRESSURE_QUEUE_WAIT_MS),
      journal: share(this.#sources.journalFill()),
      credit: share(this.#sources.creditShortage()),
    };
  }
}

/** The worst of the parts. */
export function pressureRatio({ queueWait, journal, credit }: Pressure): number {
  return Math.max(queueWait, journal, credit);
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Whether samples of memory grow. */
import { median } from './statistics.ts';

/** The share of a run in which buffers, pools and code reach their size. */
const SETTLING = 0.25;

export interface Growth {
  readonly beforeMiB: number;
  readonly afterMiB: number;
}

/** The middle of the first third behind the settling, and of the last third. */
export function growthOf(samples: readonly number[]): Growth {
  const settled = samples.slice(Math.floor(samples.length * SETTLING));
  const third = Math.max(1, Math.floor(settled.length / 3));
  return { beforeMiB: median(settled.slice(0, third)), afterMiB: median(settled.slice(-third)) };
}

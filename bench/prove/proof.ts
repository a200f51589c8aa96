/** Everything that `npm run prove` can prove: faults beside load, and those that need a server of their own way. */
import { proveDamage } from './damage.ts';
import type { ByExtent, FaultResult } from './fault.ts';
import { FAULTS } from './faults/index.ts';
import { type RunOptions, runFault } from './run-fault.ts';

export interface Provable {
  readonly name: string;
  readonly title: string;
  readonly times: ByExtent;
  /** Never rejects. */
  run(options: RunOptions): Promise<FaultResult>;
}

/** In the order of the table. */
export const PROVABLE: readonly Provable[] = [
  ...FAULTS.map((fault): Provable => {
    const { name, title, times } = fault;
    return { name, title, times, run: (options) => runFault(fault, options) };
  }),
  proveDamage,
];

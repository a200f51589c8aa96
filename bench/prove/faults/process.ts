/** The whole process: killed, or told to end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Prepared, Site } from '../fault.ts';

const DRAIN_MS_MAX = 20_000;
/** At once, on a machine that is busy with other things too. */
const LEAVE_MS_MAX = 5_000;

/** Whatever supervises it starts it anew at once. The fault ends when the new process is started. */
async function startAgain({ appliance, now }: Site): Promise<number> {
  const startedAt = now();
  await appliance.start();
  return startedAt;
}

/** kill -9 in the middle of full load, again and again. */
export const kill: Fault = {
  name: 'kill',
  title: 'kill -9 of the process',
  times: { short: 4, default: 50, long: 1_000 },
  rate: 100_000,
  prepare: (): Prepared => ({
    async strike(site) {
      await site.appliance.kill();
      return startAgain(site);
    },
  }),
};

/** SIGTERM in the middle of full load: it drains, exits 0, and is started again. */
export const terminate: Fault = {
  name: 'sigterm',
  title: 'SIGTERM under load',
  times: { short: 2, default: 10, long: 100 },
  config: { drain_timeout_ms: 10_000 as never },
  prepare: (): Prepared => ({
    async strike(site) {
      site.appliance.signal('SIGTERM');
      const code = await site.appliance.exited(DRAIN_MS_MAX);
      if (code !== 0) site.problem(`SIGTERM under load: ended with ${code}, not 0`);
      return startAgain(site);
    },
  }),
};

/** A second signal while it drains: it leaves at once, and what it had acknowledged stands in the journal. */
export const terminateTwice: Fault = {
  name: 'second-signal',
  title: 'SIGTERM, then SIGINT while it drains',
  times: { short: 2, default: 10, long: 100 },
  config: { drain_timeout_ms: 10_000 as never },
  prepare: (): Prepared => ({
    async strike(site) {
      const { appliance, now, random } = site;
      appliance.signal('SIGTERM');
      await sleep(random() * 60);
      const secondAt = now();
      appliance.signal('SIGINT');
      const code = await appliance.exited(DRAIN_MS_MAX);
      // It may have drained before the second signal came.
      if (code !== 0 && code !== 1) site.problem(`a second signal: ended with ${code}, not 1`);
      if (now() - secondAt > LEAVE_MS_MAX)
        site.problem(`a second signal: it took ${(now() - secondAt).toFixed(0)} ms to leave`);
      return startAgain(site);
    },
  }),
};

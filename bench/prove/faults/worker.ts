import { join } from 'node:path';
import { ROOT } from '../appliance.ts';
import type { Fault, Prepared } from '../fault.ts';
import { within } from '../waiting.ts';

const MARKERS = ['kill-this-worker', 'kill-this-worker-behind-the-journal'];
const DEATH_MS_MAX = 10_000;

/**
 * A worker thread dies with the slabs of several clients in its hands: by turns before it has looked at one, and when the
 * journal has taken it and nobody was told.
 */
export const workerCrash: Fault = {
  name: 'worker-crash',
  title: 'a worker thread dies, before or behind its journal write',
  times: { short: 4, default: 30, long: 300 },
  main: join(ROOT, 'test/faults/crashing-main.mjs'),
  prepare(): Prepared {
    let strikes = 0;
    return {
      async strike({ appliance, problem }) {
        const deaths = (await appliance.metric('penstock_worker_deaths_total')) ?? 0;
        const note = MARKERS[strikes % MARKERS.length];
        const event = {
          // The count does not know it: it may be stored, or not.
          event_id: `marker-${strikes}`,
          event_type: 'marker',
          app_id: 'prove',
          device_id: 'd',
          event_data: { note },
        };
        strikes += 1;
        await fetch(`${appliance.url}/v1/events`, { method: 'POST', body: JSON.stringify(event) }).catch(
          () => undefined,
        );
        const died = await within(
          DEATH_MS_MAX,
          5,
          async () => ((await appliance.metric('penstock_worker_deaths_total')) ?? 0) > deaths,
        );
        if (!died) problem('no worker thread has died of the marker');
        return undefined;
      },
    };
  },
};

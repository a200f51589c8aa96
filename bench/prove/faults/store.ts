/** The embedded store: dead, away, hung, slow, or silent after it has done what it was asked. */
import { setTimeout as sleep } from 'node:timers/promises';
import { signalProcess } from '../appliance.ts';
import type { Fault, Prepared, Site } from '../fault.ts';
import { type ProxyMode, StoreProxy } from '../store-proxy.ts';
import { within } from '../waiting.ts';

const STORE_START_MS_MAX = 30_000;

async function storePid({ appliance }: Site): Promise<number> {
  let pid: number | undefined;
  await within(STORE_START_MS_MAX, 5, () => {
    pid = appliance.storePid();
    return pid !== undefined;
  });
  if (pid === undefined) throw new Error(`no store process for ${STORE_START_MS_MAX} ms`);
  return pid;
}

/** kill -9 of the store process in the middle of its inserts, again and again. */
export const storeKill: Fault = {
  name: 'store-kill',
  title: 'kill -9 of the store process',
  times: { short: 3, default: 20, long: 200 },
  prepare: (): Prepared => ({
    async strike(site) {
      // One that only starts has no insert to be killed in.
      await site.appliance.ready();
      await sleep(300 * site.random());
      const pid = await storePid(site);
      signalProcess(pid, 'SIGKILL');
      const endedAt = site.now();
      await within(STORE_START_MS_MAX, 5, () => site.appliance.storePid() !== pid);
      return endedAt;
    },
  }),
};

/** The store process stands still: it takes connections and requests and answers nothing. */
export const storeHang: Fault = {
  name: 'store-hang',
  title: 'store process stopped (SIGSTOP)',
  times: { short: 1, default: 2, long: 5 },
  strikeMs: { short: 1_500, default: 30_000, long: 180_000 },
  prepare: (): Prepared => ({
    async strike(site) {
      const pid = await storePid(site);
      signalProcess(pid, 'SIGSTOP');
      try {
        await sleep(site.strikeMs);
      } finally {
        signalProcess(pid, 'SIGCONT');
      }
      return undefined;
    },
  }),
};

/** Nobody listens where the store was, for minutes. */
export const storeDown = behindProxy(
  {
    name: 'store-down',
    title: 'store away (connections refused)',
    times: { short: 1, default: 1, long: 2 },
    strikeMs: { short: 1_500, default: 120_000, long: 600_000 },
  },
  async (site, proxy) => {
    await proxy.set({ kind: 'refuse' });
    await sleep(site.strikeMs);
  },
);

/** Inserts happen, their answers are lost: what a timeout between two machines looks like. */
export const storeTimeout = behindProxy(
  {
    name: 'store-timeout',
    title: 'store inserts, its answers are lost',
    times: { short: 1, default: 10, long: 100 },
    strikeMs: { short: 1_500, default: 3_000, long: 3_000 },
  },
  during(() => ({ kind: 'swallow', cutAfterMs: 250 })),
);

/** Every answer comes two seconds late. */
export const storeSlow = behindProxy(
  {
    name: 'store-slow',
    title: 'store answers 2 s late',
    times: { short: 1, default: 1, long: 1 },
    strikeMs: { short: 3_000, default: 60_000, long: 600_000 },
  },
  during(() => ({ kind: 'slow', delayMs: 2_000 })),
);

function during(mode: () => ProxyMode) {
  return async (site: Site, proxy: StoreProxy) => {
    await proxy.set(mode());
    await sleep(site.strikeMs);
  };
}

function behindProxy(
  fault: Pick<Fault, 'name' | 'title' | 'times' | 'strikeMs'>,
  strike: (site: Site, proxy: StoreProxy) => Promise<void>,
): Fault {
  return {
    ...fault,
    prepare(): Prepared {
      let proxy: StoreProxy | undefined;
      return {
        async attach({ appliance }) {
          proxy = await StoreProxy.at(appliance.dataDir);
        },
        async strike(site) {
          if (proxy === undefined) return undefined;
          await strike(site, proxy);
          await proxy.set({ kind: 'pass' });
          return undefined;
        },
        missed: () =>
          (proxy?.struck ?? 0) > 0 ? undefined : 'no connection to the store came to harm: it was no test',
        undo: () => proxy?.close(),
      };
    },
  };
}

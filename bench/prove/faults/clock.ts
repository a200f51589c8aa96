import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault, Prepared } from '../fault.ts';
import { Shim, shimUnavailable } from '../shim.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * The wall clock of server and store jumps back, by minutes or hours; in every second strike a kill -9 comes while it is
 * wrong, so that a start finds files of the future. Then it jumps to the right time again.
 */
export const clockBack: Fault = {
  name: 'clock-back',
  title: 'wall clock jumps back, with kill -9 while it is wrong',
  times: { short: 2, default: 10, long: 100 },
  strikeMs: { short: 700, default: 3_000, long: 3_000 },
  unavailable: shimUnavailable,
  prepare(folder, random): Prepared {
    const shim = new Shim(folder, '/data/', 1 + Math.floor(random() * 1e6));
    let strikes = 0;
    return {
      env: shim.env,
      async strike({ appliance, strikeMs, random: chance }) {
        shim.setClockOffset(
          -Math.floor(chance() < 0.5 ? 5 * MINUTE_MS * chance() : 3 * HOUR_MS * chance()) - 1_000,
        );
        await sleep(strikeMs / 2);
        if (strikes++ % 2 === 1) {
          await appliance.kill();
          await appliance.start();
        }
        await sleep(strikeMs / 2);
        shim.setClockOffset(0);
        return undefined;
      },
      missed: () =>
        shim.get('struckClocks') > 0 ? undefined : 'nobody has asked for the wrong time: it was no test',
      undo: () => shim.close(),
    };
  },
};

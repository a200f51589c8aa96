import mixpanel from 'mixpanel-browser';
import { offer } from './visit.mjs';

const { host, key } = globalThis.PENSTOCK;

/** Its queue is in the page's storage, into which it writes one event after the other, in any order, some milliseconds each. */
const isStored = (n) => localStorage.getItem(`__mpq_${key}_ev`)?.includes(`"n":${n},`);

offer({
  ready: () => {
    mixpanel.init(key, {
      api_host: host,
      track_pageview: true,
      persistence: 'localStorage',
      // A page that is left while a batch is on its way loses it: the SDK takes the abort for an answer.
      batch_flush_interval_ms: 3_000,
    });
  },
  identify: (userId) => mixpanel.identify(userId),
  track: (event, properties) => mixpanel.track(event, properties),
  leave: async (latest) => {
    while (!latest.every(isStored)) await new Promise((resolve) => setTimeout(resolve, 5));
  },
});

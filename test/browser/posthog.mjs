import posthog from 'posthog-js';
import { offer } from './visit.mjs';

const { host, key } = globalThis.PENSTOCK;

offer({
  ready: () =>
    new Promise((resolve) => {
      posthog.init(key, {
        api_host: host,
        // It takes this browser for a robot's, which it is.
        opt_out_useragent_filter: true,
        loaded: resolve,
      });
    }),
  identify: (userId) => posthog.identify(userId, { plan: 'pro' }),
  track: (event, properties) => void posthog.capture(event, properties),
});

// The build that has its plugins in it: the other one loads them from RudderStack's host.
import { RudderAnalytics } from '@rudderstack/analytics-js/bundled';
import { offer } from './visit.mjs';

const { host, key, mode } = globalThis.PENSTOCK;
const client = new RudderAnalytics();
client.load(key, host, {
  configUrl: host,
  useBeacon: mode === 'beacon',
  beaconQueueOptions: { maxItems: 10, flushQueueInterval: 500 },
});

offer({
  ready: () =>
    new Promise((resolve) => {
      client.ready(resolve);
      client.page('Docs', 'Home');
    }),
  identify: (userId) => client.identify(userId, { plan: 'pro' }),
  track: (event, properties) => client.track(event, properties),
});

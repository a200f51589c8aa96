import { jitsuAnalytics } from '@jitsu/js';
import { offer } from './visit.mjs';

const { host, key } = globalThis.PENSTOCK;
const client = jitsuAnalytics({ host, writeKey: `${key}:secret` });
const calls = [];

offer({
  ready: () => client.page('Home'),
  identify: (userId) => client.identify(userId, { plan: 'pro' }),
  track: (event, properties) => calls.push(client.track(event, properties)),
  // It keeps nothing for later and sends no beacons: who leaves before the answer loses the event.
  leave: () => Promise.all(calls),
});

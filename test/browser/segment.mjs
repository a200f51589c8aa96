import { AnalyticsBrowser } from '@segment/analytics-next';
import { offer } from './visit.mjs';

const { host, key, mode } = globalThis.PENSTOCK;
const strategies = {
  standard: { strategy: 'standard', config: { keepalive: true } },
  batching: { strategy: 'batching', config: { size: 5, timeout: 1_000 } },
};
// The settings that the server gives say where events go.
const client = AnalyticsBrowser.load(
  { writeKey: key, cdnURL: host },
  { integrations: { 'Segment.io': { deliveryStrategy: strategies[mode] } } },
);

offer({
  ready: () => client.page('Docs', 'Home'),
  identify: (userId) => client.identify(userId, { plan: 'pro' }),
  track: (event, properties) => void client.track(event, properties),
});

import { AnalyticsBrowser } from '@segment/analytics-next';
import { offer } from './visit.mjs';

const { host, key, mode } = globalThis.PENSTOCK;
const strategies = {
  standard: { strategy: 'standard', config: { keepalive: true } },
  batching: { strategy: 'batching', config: { size: 5, timeout: 1_000 } },
};

/** Numbers of the events whose requests were begun. */
const begun = new Set();
const { fetch } = globalThis;
globalThis.fetch = (address, options) => {
  if (typeof options?.body === 'string') begun.add(JSON.parse(options.body).properties?.n);
  return fetch(address, options);
};
const areBegun = async (numbers) => {
  while (!numbers.every((n) => begun.has(n))) await new Promise((resolve) => setTimeout(resolve, 10));
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
  // An event that is between its queue and its request when the page goes is kept by neither: a site has to wait for
  // that, not for the answer, since requests outlive the page.
  leave: mode === 'standard' ? areBegun : undefined,
});

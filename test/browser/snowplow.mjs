import {
  flushBuffer,
  newTracker,
  setUserId,
  trackPageView,
  trackSelfDescribingEvent,
} from '@snowplow/browser-tracker';
import { offer } from './visit.mjs';

const { host, key, mode } = globalThis.PENSTOCK;
newTracker('sp', host, { appId: key, platform: 'web', eventMethod: mode, keepalive: true });

offer({
  ready: () => trackPageView(),
  flush: () => flushBuffer(),
  identify: (userId) => setUserId(userId),
  track: (event, data) =>
    trackSelfDescribingEvent({ event: { schema: `iglu:com.acme/${event}/jsonschema/1-0-0`, data } }),
});

import * as amplitude from '@amplitude/analytics-browser';
import { offer } from './visit.mjs';

const { host, key } = globalThis.PENSTOCK;

offer({
  ready: async () => {
    await amplitude.init(key, {
      serverUrl: `${host}/2/httpapi`,
      // Its settings come from Amplitude's own host only.
      remoteConfig: { fetchRemoteConfig: false },
      logLevel: amplitude.Types.LogLevel.Error,
    }).promise;
    // As its documentation says: what is left when a page is left goes out as a beacon.
    window.addEventListener('pagehide', () => {
      amplitude.setTransport('beacon');
      amplitude.flush();
    });
  },
  identify: (userId) => amplitude.setUserId(userId),
  track: (event, properties) => void amplitude.track(event, properties),
});

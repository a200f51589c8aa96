/** uWebSockets.js alone (uws/answer-only.ts): how near to it Penstock is with one event a request. */
import { fileURLToPath } from 'node:url';
import { startServer } from '../process.ts';
import { countByMetric, PENSTOCK_PATHS, type Peer } from './peer.ts';

const SERVER = fileURLToPath(new URL('./uws/answer-only.js', import.meta.url));

export const UWS: Peer = {
  name: 'uws-answer-only',
  about: 'uWebSockets.js, answers single events without a look at them: keeps nothing',
  sinks: ['none', 'journal', 'embedded', 'clickhouse', 'kafka'],
  acks: () => 'arrived, kept nowhere',
  doesNot: ['keep anything', 'look at events', 'take batches'],
  hasStream: false,
  takesGzip: false,
  paths: PENSTOCK_PATHS,
  prepare: async () => {},
  start: async () => {
    const server = await startServer(SERVER, [], {});
    return {
      ...server,
      ownPids: () => [server.pid],
      storePids: () => [],
      stored: countByMetric(server.url, 'bench_events_accepted_total'),
    };
  },
};

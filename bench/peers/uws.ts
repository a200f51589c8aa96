/** uWebSockets.js alone (uws/answer-only.ts): how near to it Penstock is. */
import { fileURLToPath } from 'node:url';
import { PENSTOCK_PATHS, type Peer, startKeepless } from './peer.ts';

const SERVER = fileURLToPath(new URL('./uws/answer-only.js', import.meta.url));

export const UWS: Peer = {
  name: 'uws-answer-only',
  about: 'uWebSockets.js, answers without a look at the events: keeps nothing',
  sinks: ['none', 'journal', 'embedded', 'clickhouse', 'kafka'],
  acks: () => 'arrived, kept nowhere',
  doesNot: ['keep anything', 'look at events'],
  hasStream: false,
  takesGzip: false,
  paths: PENSTOCK_PATHS,
  prepare: async () => {},
  start: () => startKeepless(SERVER),
};

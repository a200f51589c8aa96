/** Every peer that a scenario can name. */
import { COLLECTOR_PEERS } from './collectors.ts';
import { FASTIFYS } from './fastify.ts';
import { GO_FIBERS } from './go-fiber.ts';
import type { Peer } from './peer.ts';
import { PENSTOCKS } from './penstock.ts';
import { UWS } from './uws.ts';

export const PEERS: readonly Peer[] = [...PENSTOCKS, ...FASTIFYS, ...GO_FIBERS, ...COLLECTOR_PEERS, UWS];

/** Throws for a name that no peer has. */
export function peerByName(name: string): Peer {
  const peer = PEERS.find((one) => one.name === name);
  if (peer === undefined)
    throw new Error(`no peer is called ${name}: ${PEERS.map((one) => one.name).join(', ')}`);
  return peer;
}

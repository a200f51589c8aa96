/** A server of the bench that stores other than it says: what a round must find out. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PeerServer } from '../../bench/peers/peer.ts';

export interface Lies {
  /** Accepted events that are not stored. */
  readonly lostEvents?: number;
  /** Events that are stored twice. */
  readonly repeatedEvents?: number;
  /** Milliseconds for which nothing is answered, once, after the first answers. */
  readonly stallMs?: number;
}

/** Answers every batch of `eventsPerBody` with 200. */
export async function startLyingServer(eventsPerBody: number, lies: Lies = {}): Promise<PeerServer> {
  const { lostEvents = 0, repeatedEvents = 0, stallMs = 0 } = lies;
  let accepted = 0;
  let stallUntilMs = 0;
  let hasStalled = stallMs === 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      accepted += eventsPerBody;
      if (!hasStalled && accepted > 5 * eventsPerBody) {
        hasStalled = true;
        stallUntilMs = performance.now() + stallMs;
      }
      const answer = () => response.setHeader('Content-Length', 2).end('{}');
      const waitMs = stallUntilMs - performance.now();
      if (waitMs > 0) setTimeout(answer, waitMs);
      else answer();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    pid: process.pid,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lines: [],
    family: () => [process.pid],
    ownPids: () => [process.pid],
    storePids: () => [],
    stored: { rows: async () => Math.max(0, accepted - lostEvents) + (accepted > 0 ? repeatedEvents : 0) },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

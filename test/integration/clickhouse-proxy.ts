/** A TCP proxy between the sink and its server, for what networks do. */

import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface LossyProxy {
  readonly url: string;
  /** Answers that are still to be swallowed: the request arrives, and the connection dies without its answer. */
  swallow: number;
  /** Of these, the ones behind which the connection stays open and silent instead. */
  hang: boolean;
  /** Bytes a second towards the server; Infinity for all. */
  bytesPerSecond: number;
  /** Requests whose answers were swallowed. */
  readonly swallowed: number;
  close(): Promise<void>;
}

const SLICE_MS = 20;

/** Listens on a free port and passes everything on to `targetPort`. */
export async function startProxy(targetPort: number): Promise<LossyProxy> {
  const sockets = new Set<Socket>();
  const state = { swallow: 0, hang: false, bytesPerSecond: Number.POSITIVE_INFINITY, swallowed: 0 };
  const server: Server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    let isInsert = false;
    client.on('data', (data: Buffer) => {
      if (data.includes('query=INSERT')) isInsert = true;
      upstream.write(data);
      if (state.bytesPerSecond === Number.POSITIVE_INFINITY) return;
      client.pause();
      setTimeout(() => client.resume(), Math.max(SLICE_MS, (1000 * data.length) / state.bytesPerSecond));
    });
    client.on('close', () => upstream.destroy());
    upstream.on('data', (data: Buffer) => {
      if (isInsert && state.swallow > 0) {
        state.swallow -= 1;
        state.swallowed += 1;
        if (!state.hang) client.destroy();
        return;
      }
      client.write(data);
    });
    upstream.on('close', () => {
      if (!state.hang) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  });
}

/** A TCP proxy on loopback whose connections can fall silent or be cut. */
import net from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** From now on no byte passes, in both directions; connections stay open and new ones are taken. */
  hold(): void;
  /** Bytes pass again, of new connections; those that were held are cut. */
  release(): void;
  /** Resets all connections. */
  cut(): void;
  /** New connections go to this port. */
  retarget(port: number): void;
  stop(): Promise<void>;
}

/**
 * A proxy to a port of this machine, on `port` or any free one. Connections whose first bytes from the client match
 * `forbidden` are reset.
 */
export async function startProxy(targetPort: number, port = 0, forbidden?: RegExp): Promise<TcpProxy> {
  const sockets = new Set<net.Socket>();
  let isHeld = false;
  let currentPort = targetPort;
  const server = net.createServer((client) => {
    const target = net.connect(currentPort, '127.0.0.1');
    if (forbidden !== undefined) {
      client.once('data', (bytes) => {
        if (forbidden.test(bytes.toString('latin1'))) client.resetAndDestroy();
      });
    }
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!isHeld) to.write(bytes);
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as net.AddressInfo).port,
    hold: () => {
      isHeld = true;
    },
    release: () => {
      cut();
      isHeld = false;
    },
    cut,
    retarget: (port) => {
      currentPort = port;
    },
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

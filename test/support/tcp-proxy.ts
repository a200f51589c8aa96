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
  stop(): Promise<void>;
}

/** A proxy to a port of this machine, on `port` or any free one. */
export async function startProxy(targetPort: number, port = 0): Promise<TcpProxy> {
  const sockets = new Set<net.Socket>();
  let isHeld = false;
  const server = net.createServer((client) => {
    const target = net.connect(targetPort, '127.0.0.1');
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
    stop: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

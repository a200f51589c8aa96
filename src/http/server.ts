import {
  App,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from 'uWebSockets.js';

/** Where the front listens. */
export interface Listening {
  readonly port: number;
  /** Takes no new connection from now on; open ones go on. */
  stopAccepting(): void;
}

/** uWebSockets' LIBUS_LISTEN_EXCLUSIVE_PORT: without it a second process on the port gets a share of the connections. */
const EXCLUSIVE_PORT = 1;

/** uWebSockets takes host and options together, which its types do not say. */
type ListenExclusively = (
  host: string,
  port: number,
  options: number,
  listener: (socket: us_listen_socket | false) => void,
) => void;

/** An app without routes; those of the stages are registered on it before it listens. */
export function createApp(): TemplatedApp {
  return App();
}

/** Listens, or rejects when the address cannot be had. `port` 0 takes a free one. */
export function listen(app: TemplatedApp, host: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    (app.listen as unknown as ListenExclusively).call(app, host, port, EXCLUSIVE_PORT, (socket) => {
      if (socket === false) {
        reject(new Error(`cannot listen on ${host}:${port}: the address is in use or not allowed`));
        return;
      }
      resolve({
        // The listening socket has the layout of any socket; the types keep them apart.
        port: us_socket_local_port(socket as unknown as Parameters<typeof us_socket_local_port>[0]),
        stopAccepting: () => us_listen_socket_close(socket),
      });
    });
  });
}

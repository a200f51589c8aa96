/**
 * Stands between the worker threads and the store's socket: the socket is moved aside and this listens in its place, before
 * the workers connect. It passes lines on, refuses connections, keeps answers for a while, or takes them away after the
 * store has done what was asked.
 */
import { renameSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export type ProxyMode =
  | { readonly kind: 'pass' }
  /** Nobody listens. */
  | { readonly kind: 'refuse' }
  /** Answers come this much later. */
  | { readonly kind: 'slow'; readonly delayMs: number }
  /** The store gets the request and does it; the answer never arrives, and then the connection is cut. */
  | { readonly kind: 'swallow'; readonly cutAfterMs: number };

export class StoreProxy {
  readonly #path: string;
  readonly #behind: string;
  readonly #open = new Set<Socket>();
  #server: Server | undefined;
  #mode: ProxyMode = { kind: 'pass' };
  /** Answers that were kept back or taken away, and connections cut, since it began. */
  struck = 0;

  /** Takes the socket's place in the data directory of a server that is ready and has had no event. */
  static async at(dataDir: string): Promise<StoreProxy> {
    const proxy = new StoreProxy(join(dataDir, 'store/store.sock'));
    renameSync(proxy.#path, proxy.#behind);
    await proxy.#listen();
    return proxy;
  }

  private constructor(path: string) {
    this.#path = path;
    this.#behind = `${path}.behind`;
  }

  async set(mode: ProxyMode): Promise<void> {
    this.#mode = mode;
    if (mode.kind === 'refuse') {
      this.#unlisten();
    } else if (this.#server === undefined) await this.#listen();
  }

  close(): void {
    this.#unlisten();
  }

  #listen(): Promise<void> {
    rmSync(this.#path, { force: true });
    const server = createServer((socket) => this.#join(socket));
    this.#server = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#path, () => resolve());
    });
  }

  #unlisten(): void {
    this.#server?.close();
    this.#server = undefined;
    for (const socket of this.#open) {
      this.struck += 1;
      socket.destroy();
    }
  }

  #join(worker: Socket): void {
    const store = connect(this.#behind);
    const end = () => {
      worker.destroy();
      store.destroy();
      this.#open.delete(worker);
    };
    this.#open.add(worker);
    for (const socket of [worker, store]) {
      socket.on('error', () => {});
      socket.on('close', end);
    }
    worker.on('data', (data) => store.write(data));
    store.on('data', (data) => this.#answer(worker, data, end));
  }

  #answer(worker: Socket, data: Buffer, end: () => void): void {
    const mode = this.#mode;
    if (mode.kind === 'pass') {
      worker.write(data);
      return;
    }
    this.struck += 1;
    if (mode.kind === 'slow') setTimeout(() => worker.writable && worker.write(data), mode.delayMs).unref();
    else if (mode.kind === 'swallow') setTimeout(end, mode.cutAfterMs).unref();
  }
}

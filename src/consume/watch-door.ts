/** The consumer's door for whoever watches it: /health, /ready and /metrics over HTTP. No event comes through it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface WatchSources {
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** States by part; `isReady` decides the status. */
  readonly readiness: () => { readonly isReady: boolean } & Readonly<Record<string, string | boolean>>;
}

export interface WatchDoor {
  readonly port: number;
  close(): void;
}

/** A scraper that is slower than this is gone. */
const REQUEST_TIMEOUT_MS = 10_000;

/** Listens. Rejects when the port is taken. */
export async function startWatchDoor(
  { host, port }: { readonly host: string; readonly port: number },
  sources: WatchSources,
): Promise<WatchDoor> {
  const server = createServer((request, response) => {
    answer(request, response, sources).catch(() => response.destroy());
  });
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  sources: WatchSources,
): Promise<void> {
  const path = request.url?.split('?', 1)[0];
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return end(response, 405, { status: 'method_not_allowed' });
  if (path === '/health') return end(response, 200, { status: 'ok' });
  if (path === '/ready') {
    const { isReady, ...states } = sources.readiness();
    return end(response, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not_ready', ...states });
  }
  if (path !== '/metrics') return end(response, 404, { status: 'not_found' });
  const text = await sources.metrics();
  response.writeHead(200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text);
}

function end(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

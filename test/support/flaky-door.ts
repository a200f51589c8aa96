/**
 * A door before the server that refuses its first requests as an overloaded Penstock does (503, Retry-After: 1) and
 * passes the others on, bytes untouched; and what it saw of them. For SDKs that are to show that they come back.
 * Preflights and settings are never refused: Penstock answers them from its head, however full it is.
 */
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FlakyDoor {
  readonly url: string;
  readonly port: number;
  /** Requests that were refused here, and that were passed on. */
  refused: number;
  passed: number;
  /** Content-Encoding of what was passed on, by name; '' for none. */
  readonly encodings: Map<string, number>;
  /** Methods and paths of what was passed on. */
  readonly paths: Map<string, number>;
  /** Answers of the server, by status. */
  readonly statuses: Map<number, number>;
  close(): Promise<void>;
}

/** Of a request that brings events: its head, and its body as it came. */
export interface SeenRequest {
  readonly from: IncomingMessage;
  readonly body: Buffer;
}

export interface DoorOptions {
  /** Whether a request brings events; others are passed on, and count for nothing. */
  readonly isIngest?: (method: string, path: string) => boolean;
  /** Called with every request that brought events and was passed on, when its body is whole. */
  readonly onPassed?: (request: SeenRequest) => void;
}

/** Opens a door before the server at `target`, which refuses the first `refusals` requests that bring events. */
export async function openDoor(
  target: string,
  refusals: number,
  { isIngest = () => true, onPassed }: DoorOptions = {},
): Promise<FlakyDoor> {
  const { hostname, port } = new URL(target);
  const count = <Key>(counts: Map<Key, number>, key: Key) => counts.set(key, (counts.get(key) ?? 0) + 1);
  // Below the 10 s after which uWebSockets ends a connection that nobody uses.
  const agent = new Agent({ keepAlive: true, timeout: 4_000 });
  const server = createServer((from, to) => {
    const path = from.url?.split('?')[0] ?? '';
    const isCounted = isIngest(from.method ?? '', path);
    if (isCounted && door.refused < refusals) {
      door.refused += 1;
      refuse(from, to);
      return;
    }
    if (isCounted) {
      door.passed += 1;
      count(door.encodings, String(from.headers['content-encoding'] ?? ''));
      count(door.paths, `${from.method} ${path}`);
      if (onPassed !== undefined) {
        const pieces: Buffer[] = [];
        from.on('data', (piece: Buffer) => pieces.push(piece));
        from.on('end', () => onPassed({ from, body: Buffer.concat(pieces) }));
      }
    }
    const onward: ClientRequest = request(
      { hostname, port, path: from.url, method: from.method, headers: from.headers, agent },
      (answer) => {
        if (isCounted) count(door.statuses, answer.statusCode ?? 0);
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      },
    );
    onward.on('error', () => to.destroy());
    from.pipe(onward);
  });
  // Clients that never send again lose what they send into a connection that this side ends meanwhile.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address() as AddressInfo;
  const door: FlakyDoor = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    refused: 0,
    passed: 0,
    encodings: new Map(),
    paths: new Map(),
    statuses: new Map(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        agent.destroy();
      }),
  };
  return door;
}

/** As src/http/refusal.ts words it, and for Amplitude's SDKs, which read the body, as they want it. */
function refuse(from: IncomingMessage, to: ServerResponse): void {
  from.resume();
  const { origin } = from.headers;
  const cors = origin !== undefined && {
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Retry-After, X-Request-Id, Penstock-Ack',
    vary: 'Origin',
  };
  from.on('end', () => {
    to.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1', ...cors });
    to.end('{"code":503,"error":"the server is at its memory budget; send again after Retry-After seconds"}');
  });
}

/** `GET /v1/stream`: upgrades, and hands what uWebSockets calls back to the connection's object. */
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { type AckLevel, grantLevel, readLevel } from '../ack/level.ts';
import { UNKNOWN_KEY } from '../admission/apps.ts';
import { readWriteKey } from '../admission/write-key.ts';
import type { FrontStage } from '../front.ts';
import { guarded, refuseHead } from '../http/refusal.ts';
import {
  ACK_BACKLOG_BYTES_MAX,
  MESSAGE_SLACK_BYTES,
  USER_AGENT_BYTES_MAX,
  WEBSOCKET_CONNECTIONS_MAX,
  WEBSOCKET_IDLE_SECONDS,
} from '../limits.ts';
import type { Reason } from '../outcome.ts';
import { CloseCode, Connection, type ConnectionHead } from './connection.ts';

const SUBPROTOCOL = 'penstock.v1';
const PATH = '/v1/stream';

/**
 * The connections of the stream. Registering it takes the path for every method: what is not an upgrade is
 * answered `method_not_allowed`.
 */
export class Stream {
  readonly #stage: FrontStage;
  readonly #connections = new Map<WebSocket<ConnectionHead>, Connection>();

  constructor(app: TemplatedApp, stage: FrontStage) {
    this.#stage = stage;
    app.ws<ConnectionHead>(PATH, {
      // Beyond this uWebSockets drops the connection without a close frame; up to it our own 1009 comes first.
      maxPayloadLength: stage.messageBytesMax + MESSAGE_SLACK_BYTES,
      maxBackpressure: ACK_BACKLOG_BYTES_MAX,
      closeOnBackpressureLimit: true,
      idleTimeout: WEBSOCKET_IDLE_SECONDS,
      sendPingsAutomatically: true,
      upgrade: (response, request, context) =>
        guarded(stage, () => this.#upgrade(response, request, context))(response, request),
      open: (socket) => this.#open(socket),
      message: (socket, message) => this.#connections.get(socket)?.message(message),
      close: (socket) => {
        this.#connections.get(socket)?.closed();
        this.#connections.delete(socket);
      },
    });
    app.any(PATH, (response, request) => refuseHead(stage, response, request, 'method_not_allowed', 'GET'));
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Closes every connection with 1012 as soon as its messages are acknowledged. */
  drain(): void {
    for (const connection of this.#connections.values()) connection.drain();
  }

  #upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t): void {
    const stage = this.#stage;
    const app = stage.apps.find(readWriteKey(request));
    const ackLevel = this.#admit(request, app);
    if (typeof ackLevel !== 'string') {
      refuseHead(stage, response, request, ackLevel.refused);
      return;
    }
    const address = stage.clientAddress;
    const head: ConnectionHead = {
      app: app === UNKNOWN_KEY ? undefined : app,
      address: address.of(
        response.getRemoteAddress(),
        address.readsForwarded ? request.getHeader('x-forwarded-for') : '',
      ),
      userAgent: stage.keepUserAgent ? request.getHeader('user-agent').slice(0, USER_AGENT_BYTES_MAX) : '',
      ackLevel,
    };
    const offered = request.getHeader('sec-websocket-protocol').split(',');
    response.upgrade(
      head,
      request.getHeader('sec-websocket-key'),
      offered.some((name) => name.trim() === SUBPROTOCOL) ? SUBPROTOCOL : '',
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  }

  /** The connection's level of ack, or the reason why it is refused by its head. */
  #admit(request: HttpRequest, app: number): AckLevel | { refused: Reason } {
    const stage = this.#stage;
    if (stage.draining()) return { refused: 'draining' };
    if (this.#connections.size >= WEBSOCKET_CONNECTIONS_MAX) return { refused: 'overloaded' };
    if (!stage.apps.allowsOrigin(app, request.getHeader('origin'))) return { refused: 'forbidden_origin' };
    return grantLevel(readLevel(request), stage.ackLevel);
  }

  #open(socket: WebSocket<ConnectionHead>): void {
    const head = socket.getUserData();
    if (head.app === undefined) {
      socket.end(CloseCode.policyViolation, 'the write key is missing or unknown');
      return;
    }
    this.#connections.set(socket, new Connection(this.#stage, socket, head, head.app));
  }
}

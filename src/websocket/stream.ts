/** `GET /v1/stream`: upgrades, and hands what uWebSockets calls back to the connection's object. */
import type { HttpRequest, HttpResponse, TemplatedApp, us_socket_context_t, WebSocket } from 'uWebSockets.js';
import { type AckLevel, grantLevel, readLevel } from '../ack/level.ts';
import { UNKNOWN_KEY } from '../admission/apps.ts';
import { readWriteKey } from '../admission/write-key.ts';
import type { FrontStage } from '../front.ts';
import { type Carried, guarded, readCarried, refuseHead, refuseRequest } from '../http/refusal.ts';
import {
  ACK_BACKLOG_BYTES_MAX,
  CREDIT_INTERVAL_MS,
  MESSAGE_SLACK_BYTES,
  SESSION_WAIT_MS_MAX,
  USER_AGENT_BYTES_MAX,
  WEBSOCKET_CONNECTIONS_MAX,
  WEBSOCKET_IDLE_SECONDS,
} from '../limits.ts';
import { outcome, type Reason } from '../outcome.ts';
import { sessionKey } from '../sessions/entry.ts';
import { CloseCode, Connection, type ConnectionHead } from './connection.ts';

const SUBPROTOCOL = 'penstock.v1';
const PATH = '/v1/stream';
/** What needs no escaping in a query; no space, which ends an id in its key (sessions/entry.ts). */
const SESSION_ID = /^[A-Za-z0-9._~:-]{1,128}$/;

/**
 * The connections of the stream. Registering it takes the path for every method: what is not an upgrade is
 * answered `method_not_allowed`.
 */
export class Stream {
  readonly #stage: FrontStage;
  readonly #connections = new Map<WebSocket<ConnectionHead>, Connection>();
  /** Runs while there are connections. */
  #creditTimer: NodeJS.Timeout | undefined;

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
        if (this.#connections.size > 0) return;
        clearInterval(this.#creditTimer);
        this.#creditTimer = undefined;
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
    const { app, key } = stage.apps.match(readWriteKey(request));
    const ackLevel = this.#admit(request, app);
    if (typeof ackLevel !== 'string') {
      refuseHead(stage, response, request, ackLevel.refused);
      return;
    }
    const address = stage.clientAddress;
    const offered = request.getHeader('sec-websocket-protocol').split(',');
    const sessionId = request.getQuery('session');
    const upgrade: Upgrade = {
      head: {
        app,
        key,
        fault: faultOf(app, sessionId),
        address: address.of(
          response.getRemoteAddress(),
          address.readsForwarded ? request.getHeader('x-forwarded-for') : '',
        ),
        userAgent: stage.keepUserAgent ? request.getHeader('user-agent').slice(0, USER_AGENT_BYTES_MAX) : '',
        ackLevel,
        session: undefined,
      },
      key: request.getHeader('sec-websocket-key'),
      protocol: offered.some((name) => name.trim() === SUBPROTOCOL) ? SUBPROTOCOL : '',
      extensions: request.getHeader('sec-websocket-extensions'),
      context,
    };
    if (upgrade.head.fault !== undefined || sessionId === undefined) complete(response, upgrade);
    else
      this.#resume(
        response,
        upgrade,
        sessionKey(stage.apps.names[app] ?? '', sessionId),
        readCarried(request),
      );
  }

  /** Upgrades when the session can be told how far it is, or refuses when that takes too long. */
  #resume(response: HttpResponse, upgrade: Upgrade, key: string, carried: Carried): void {
    const stage = this.#stage;
    let isGone = false;
    response.onAborted(() => {
      isGone = true;
    });
    const refuse = (reason: Reason) => {
      if (isGone) return;
      isGone = true;
      const form = { close: false, withBody: true, allow: undefined, isNumeric: false };
      refuseRequest(stage, response, reason, outcome(reason).status, carried, form);
    };
    const timer = setTimeout(() => refuse('overloaded'), SESSION_WAIT_MS_MAX);
    stage.sessions
      .claim(key, () => isGone || stage.draining())
      .then((session) => {
        clearTimeout(timer);
        if (session === undefined) refuse(stage.draining() ? 'draining' : 'overloaded');
        else {
          // Not within cork(): behind it uWebSockets looks at the response once more, and where the upgraded socket kept its
          // place in memory it takes that for a response, and cuts about one in twelve.
          complete(response, { ...upgrade, head: { ...upgrade.head, session } });
          // The socket was gone before it opened.
          if (session.owner === undefined) stage.sessions.release(session);
        }
      })
      .catch((error) => stage.failed(error));
  }

  /** The connection's level of ack, or the reason why it is refused by its head. */
  #admit(request: HttpRequest, app: number): AckLevel | { refused: Reason } {
    const stage = this.#stage;
    if (stage.draining()) return { refused: 'draining' };
    if (this.#connections.size >= WEBSOCKET_CONNECTIONS_MAX) return { refused: 'overloaded' };
    if (app === UNKNOWN_KEY && !stage.keysAreRead()) return { refused: 'keys_unread' };
    if (!stage.apps.allowsOrigin(app, request.getHeader('origin'))) return { refused: 'forbidden_origin' };
    return grantLevel(readLevel(request), stage.ackLevel);
  }

  #open(socket: WebSocket<ConnectionHead>): void {
    const head = socket.getUserData();
    if (head.fault !== undefined) {
      socket.end(CloseCode.policyViolation, head.fault);
      return;
    }
    this.#connections.set(socket, new Connection(this.#stage, socket, head));
    this.#creditTimer ??= setInterval(() => {
      for (const connection of this.#connections.values()) connection.lookAtCredit();
    }, CREDIT_INTERVAL_MS);
  }
}

/** What an upgrade needs of its request, which dies with its callback. */
interface Upgrade {
  readonly head: ConnectionHead;
  readonly key: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly context: us_socket_context_t;
}

function complete(response: HttpResponse, { head, key, protocol, extensions, context }: Upgrade): void {
  response.upgrade(head, key, protocol, extensions, context);
}

/** What a client is told that a close code has to say. */
function faultOf(app: number, sessionId: string | undefined): string | undefined {
  if (app === UNKNOWN_KEY) return 'the write key is missing or unknown';
  if (sessionId !== undefined && !SESSION_ID.test(sessionId))
    return 'session must be 1 to 128 of A-Z a-z 0-9 . _ ~ : -';
  return undefined;
}

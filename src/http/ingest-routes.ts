// Hot path: one call a request.
/**
 * The ingest routes of all dialects. Refusal comes first: everything that the head of a request can decide is decided
 * before a byte of its body is read. Paths that are no route's are looked at from behind (a proxy's prefix), then by
 * what the body is, since several SDKs let their users choose the path.
 */

import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { type AckLevel, grantLevel, readLevel } from '../ack/level.ts';
import { type KnownKey, OPEN_MODE, UNKNOWN_KEY } from '../admission/apps.ts';
import { readWriteKey } from '../admission/write-key.ts';
import { CLOUDEVENTS_ROUTE, OPEN_ROUTE, ROUTES, type Route, routeBehindPrefix } from '../dialects/routes.ts';
import type { FrontStage } from '../front.ts';
import { DROPPED_BYTES_MAX, USER_AGENT_BYTES_MAX } from '../limits.ts';
import type { Reason } from '../outcome.ts';
import { ZSTD_AVAILABLE } from '../scan/unwrap.ts';
import { writeCarried } from '../slab/carried.ts';
import { APP_IN_BODY, Encoding } from '../slab/layout.ts';
import { answerPreflight } from './cors.ts';
import { Exchange } from './exchange.ts';
import { guarded, readCarried, refuseHead } from './refusal.ts';

const METHODS = 'POST, OPTIONS';
const METHODS_WITH_GET = 'GET, POST, OPTIONS';
const NOTHING = new Uint8Array(0);

/** Registers every ingest route, with and without a trailing slash. */
export function registerIngestRoutes(app: TemplatedApp, stage: FrontStage): void {
  for (const [index, { path, get }] of ROUTES.entries()) {
    if (path === undefined) continue;
    const methods = get ? METHODS_WITH_GET : METHODS;
    const take = guarded(stage, (response, request) => receive(stage, response, request, index));
    for (const pattern of new Set([path, path.endsWith('/') ? path : `${path}/`])) {
      app.post(pattern, take);
      if (get) app.get(pattern, take);
      app.options(pattern, (response, request) => answerPreflight(response, request, methods));
      app.any(pattern, (response, request) =>
        refuseHead(stage, response, request, 'method_not_allowed', methods),
      );
    }
  }
}

/** Takes a request whose path is no route's, or refuses it. */
export function receiveElsewhere(stage: FrontStage, response: HttpResponse, request: HttpRequest): void {
  const method = request.getMethod();
  if (method === 'options') {
    answerPreflight(response, request, METHODS_WITH_GET);
    return;
  }
  const index = routeBehindPrefix(request.getUrl());
  if (method === 'post') {
    receive(stage, response, request, index ?? OPEN_ROUTE);
  } else if (index === undefined) {
    refuseHead(stage, response, request, 'not_found');
  } else if (method === 'get' && ROUTES[index]!.get) {
    receive(stage, response, request, index);
  } else {
    const allow = ROUTES[index]!.get ? METHODS_WITH_GET : METHODS;
    refuseHead(stage, response, request, 'method_not_allowed', allow);
  }
}

function receive(stage: FrontStage, response: HttpResponse, request: HttpRequest, pathIndex: number): void {
  const routeIndex = ROUTES[pathIndex]!.isOpen && isCloudEvent(request) ? CLOUDEVENTS_ROUTE : pathIndex;
  const route = ROUTES[routeIndex]!;
  const admitted = admit(stage, request, route);
  if ('refused' in admitted) {
    const { refused, retryAfterSeconds } = admitted;
    refuseHead(
      stage,
      response,
      request,
      refused,
      undefined,
      route.statusOf(refused),
      route.answers?.refusal === 'numeric',
      retryAfterSeconds,
    );
    return;
  }
  const address = stage.clientAddress;
  new Exchange(stage, response, {
    route,
    routeIndex,
    app: admitted.app,
    key: admitted.key,
    encoding: admitted.encoding,
    ackLevel: admitted.ackLevel,
    address: address.of(
      response.getRemoteAddress(),
      address.readsForwarded ? request.getHeader('x-forwarded-for') : '',
    ),
    userAgent: stage.keepUserAgent ? request.getHeader('user-agent').slice(0, USER_AGENT_BYTES_MAX) : '',
    isGet: request.getMethod() === 'get',
    query: route.answers?.variants === undefined ? '' : queryOf(request),
    carried: carriedOf(request, route, admitted.app === APP_IN_BODY && stage.apps.restrictsOrigins),
    ...readCarried(request),
  });
}

/** The raw query. Its types do not say that uWebSockets gives nothing for a request without a question mark. */
function queryOf(request: HttpRequest): string {
  return (request.getQuery() as string | undefined) ?? '';
}

/** By its headers: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md §3. */
function isCloudEvent(request: HttpRequest): boolean {
  return (
    request.getHeader('ce-specversion') !== '' ||
    request.getHeader('content-type').toLowerCase().startsWith('application/cloudevents')
  );
}

/** What the worker needs of the head beside the body; mostly nothing. */
function carriedOf(request: HttpRequest, route: Route, needsOrigin: boolean): Uint8Array {
  const { carries } = route;
  if (carries === undefined && !needsOrigin) return NOTHING;
  const headers: Record<string, string> = {};
  for (const name of carries?.headers ?? []) {
    const value = request.getHeader(name);
    if (value !== '') headers[name] = value;
  }
  const prefixes = carries?.prefixes ?? [];
  if (prefixes.length > 0) {
    request.forEach((name, value) => {
      if (prefixes.some((prefix) => name.startsWith(prefix))) headers[name] = value;
    });
  }
  if (needsOrigin) headers['origin'] = request.getHeader('origin');
  const query = carries?.query ? queryOf(request) : '';
  const isEmpty = query === '' && Object.keys(headers).length === 0;
  return isEmpty ? NOTHING : writeCarried({ query, headers });
}

/** What a request's head decides. */
interface Admitted {
  readonly app: number;
  /** Number of the write key; 0 where it is not known yet. */
  readonly key: number;
  readonly encoding: number;
  readonly ackLevel: AckLevel;
}

/** Why a request is refused by its head; `retryAfterSeconds` where that is known better than by the sinks. */
interface Refused {
  readonly refused: Reason;
  readonly retryAfterSeconds?: number;
}

function admit(stage: FrontStage, request: HttpRequest, route: Route): Admitted | Refused {
  if (stage.draining()) return { refused: 'draining' };
  if (stage.isFull(route.cannotRetry)) return { refused: 'overloaded' };
  const { app, key } = keyOf(stage, request, route);
  if (app === UNKNOWN_KEY) return { refused: stage.keysAreRead() ? 'unauthorized' : 'keys_unread' };
  if (stage.apps.restrictsOrigins && !stage.apps.allowsOrigin(app, request.getHeader('origin'))) {
    return { refused: 'forbidden_origin' };
  }
  if (app !== APP_IN_BODY && stage.rateLimits.refuses(app, key, route.cannotRetry)) {
    return { refused: 'rate_limited', retryAfterSeconds: stage.rateLimits.retryAfterSeconds(app, key) };
  }
  const encoding = readEncoding(request.getHeader('content-encoding'));
  if (encoding === undefined) return { refused: 'unsupported_media_type' };
  const ackLevel = grantLevel(readLevel(request, route.get), stage.ackLevel);
  if (typeof ackLevel !== 'string') return ackLevel;
  const bytesMax = route.answers === undefined ? stage.wireBytesMax : DROPPED_BYTES_MAX;
  if (Number(request.getHeader('content-length')) > bytesMax) return { refused: 'body_too_large' };
  return { app, key, encoding, ackLevel };
}

/** The app of the request's key, UNKNOWN_KEY, or APP_IN_BODY where the worker will find it. */
function keyOf(stage: FrontStage, request: HttpRequest, { keyPlaces, bodyKeys }: Route): KnownKey {
  if (stage.apps.openMode) return NO_KEY;
  const key = readWriteKey(request, keyPlaces);
  const known = stage.apps.match(key);
  if (known.app !== UNKNOWN_KEY || bodyKeys === undefined) return known;
  return key === '' || bodyKeys.isBeforeHead ? KEY_IN_BODY : known;
}

const NO_KEY: KnownKey = { app: OPEN_MODE, key: 0 };
const KEY_IN_BODY: KnownKey = { app: APP_IN_BODY, key: 0 };

/** Number of a Content-Encoding, or undefined for one that is not known. `x-gzip` is gzip by RFC 9110 §8.4.1.3. */
function readEncoding(header: string): number | undefined {
  if (header === '') return Encoding.identity;
  const name = header.trim().toLowerCase();
  if (name === 'x-gzip') return Encoding.gzip;
  if (name === 'zstd' && !ZSTD_AVAILABLE) return undefined;
  return Object.hasOwn(Encoding, name) ? Encoding[name as keyof typeof Encoding] : undefined;
}

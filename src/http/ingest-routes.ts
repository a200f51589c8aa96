// Hot path: one call a request.
/**
 * The POST routes of all dialects. Refusal comes first: everything that the head of a request can decide is
 * decided before a byte of its body is read.
 */

import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { type AckLevel, grantLevel, readLevel } from '../ack/level.ts';
import { OPEN_MODE, UNKNOWN_KEY } from '../admission/apps.ts';
import { readWriteKey } from '../admission/write-key.ts';
import { ROUTES, type Route } from '../dialects/routes.ts';
import type { FrontStage } from '../front.ts';
import { USER_AGENT_BYTES_MAX } from '../limits.ts';
import type { Reason } from '../outcome.ts';
import { ZSTD_AVAILABLE } from '../scan/unwrap.ts';
import { Encoding } from '../slab/layout.ts';
import { answerPreflight } from './cors.ts';
import { Exchange } from './exchange.ts';
import { guarded, readCarried, refuseHead } from './refusal.ts';

const METHODS = 'POST, OPTIONS';

/** Registers every ingest route, with and without a trailing slash. */
export function registerIngestRoutes(app: TemplatedApp, stage: FrontStage): void {
  for (const [index, route] of ROUTES.entries()) {
    if (route.path === undefined) continue;
    for (const pattern of [route.path, `${route.path}/`]) {
      app.post(
        pattern,
        guarded(stage, (response, request) => receive(stage, response, request, route, index)),
      );
      app.options(pattern, (response, request) => answerPreflight(response, request, METHODS));
      app.any(pattern, (response, request) =>
        refuseHead(stage, response, request, 'method_not_allowed', METHODS),
      );
    }
  }
}

function receive(
  stage: FrontStage,
  response: HttpResponse,
  request: HttpRequest,
  route: Route,
  routeIndex: number,
): void {
  const admitted = admit(stage, request, route);
  if (typeof admitted === 'string') {
    refuseHead(stage, response, request, admitted, undefined, route.statusOf(admitted));
    return;
  }
  const address = stage.clientAddress;
  new Exchange(stage, response, {
    route,
    routeIndex,
    app: admitted.app,
    encoding: admitted.encoding,
    ackLevel: admitted.ackLevel,
    address: address.of(
      response.getRemoteAddress(),
      address.readsForwarded ? request.getHeader('x-forwarded-for') : '',
    ),
    userAgent: stage.keepUserAgent ? request.getHeader('user-agent').slice(0, USER_AGENT_BYTES_MAX) : '',
    ...readCarried(request),
  });
}

/** The request's app, encoding and level of ack, or the reason why it is refused by its head. */
function admit(
  stage: FrontStage,
  request: HttpRequest,
  route: Route,
): { app: number; encoding: number; ackLevel: AckLevel } | Reason {
  if (stage.draining()) return 'draining';
  if (stage.isFull()) return 'overloaded';
  const app = stage.apps.openMode ? OPEN_MODE : stage.apps.find(readWriteKey(request, route.keyPlaces));
  if (app === UNKNOWN_KEY) return 'unauthorized';
  if (stage.apps.restrictsOrigins && !stage.apps.allowsOrigin(app, request.getHeader('origin'))) {
    return 'forbidden_origin';
  }
  const encoding = readEncoding(request.getHeader('content-encoding'));
  if (encoding === undefined) return 'unsupported_media_type';
  const ackLevel = grantLevel(readLevel(request), stage.ackLevel);
  if (typeof ackLevel !== 'string') return ackLevel.refused;
  if (Number(request.getHeader('content-length')) > stage.wireBytesMax) return 'body_too_large';
  return { app, encoding, ackLevel };
}

/** Number of a Content-Encoding, or undefined for one that is not known. `x-gzip` is gzip by RFC 9110 §8.4.1.3. */
function readEncoding(header: string): number | undefined {
  if (header === '') return Encoding.identity;
  const name = header.trim().toLowerCase();
  if (name === 'x-gzip') return Encoding.gzip;
  if (name === 'zstd' && !ZSTD_AVAILABLE) return undefined;
  return Object.hasOwn(Encoding, name) ? Encoding[name as keyof typeof Encoding] : undefined;
}

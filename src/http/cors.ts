import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { ORIGIN_BYTES_MAX, PREFLIGHT_HEADERS_BYTES_MAX } from '../limits.ts';

/** Browsers may keep a preflight's answer this long; Chromium caps it at two hours. */
const PREFLIGHT_SECONDS = '7200';

/**
 * CORS headers of an answer to a request that had an Origin header; call it for errors too, or browsers report a
 * network error instead of the reason. The origin is reflected and credentials allowed: SDKs send with cookies,
 * which `*` forbids; whether an origin may send at all is admission's decision.
 */
export function writeCors(response: HttpResponse, origin: string): void {
  response
    .writeHeader('Access-Control-Allow-Origin', origin)
    .writeHeader('Access-Control-Allow-Credentials', 'true')
    .writeHeader('Access-Control-Expose-Headers', 'Retry-After, X-Request-Id, Penstock-Ack')
    .writeHeader('Vary', 'Origin');
}

/** The Origin header, or nothing for one too long to be an origin. */
export function readOrigin(request: HttpRequest): string {
  const origin = request.getHeader('origin');
  return origin.length <= ORIGIN_BYTES_MAX ? origin : '';
}

/** Answers a preflight: the requested headers are reflected, since retries of SDKs bring new ones. */
export function answerPreflight(response: HttpResponse, request: HttpRequest, methods: string): void {
  const origin = readOrigin(request);
  const asked = request.getHeader('access-control-request-headers');
  const headers = asked.length <= PREFLIGHT_HEADERS_BYTES_MAX ? asked : '';
  response.cork(() => {
    response.writeStatus('204 No Content');
    if (origin !== '') writeCors(response, origin);
    response.writeHeader('Access-Control-Allow-Methods', methods);
    if (headers !== '') response.writeHeader('Access-Control-Allow-Headers', headers);
    response.writeHeader('Access-Control-Max-Age', PREFLIGHT_SECONDS).endWithoutBody();
  });
}

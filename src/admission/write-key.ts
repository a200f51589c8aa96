// Hot path: one call a request.
import type { HttpRequest } from 'uWebSockets.js';
import type { KeyPlaces } from '../dialects/routes.ts';

const COMMON_PLACES: KeyPlaces = { headers: [], query: [] };

/**
 * The write key of a request, wherever clients put it; empty when there is none. The first place that has one
 * decides; without `places`, of those that all routes share:
 *
 *   1. the headers of the route's dialect (`X-Write-Key`): nothing else is ever sent in them, while browsers add
 *      `Authorization` by themselves on a site behind a password
 *   2. `Authorization: Bearer`, then the user name of Basic (RFC 7617: up to the first colon; SDKs send no password)
 *   3. `X-Api-Key`
 *   4. `?key=`, then the query parameters of the route's dialect (`?writeKey=`), for beacons, which have no headers
 */
export function readWriteKey(request: HttpRequest, places: KeyPlaces = COMMON_PLACES): string {
  for (const header of places.headers) {
    const key = request.getHeader(header);
    if (key !== '') return key;
  }
  const key = authorizedKey(request.getHeader('authorization')) || request.getHeader('x-api-key');
  if (key !== '') return key;
  const common = request.getQuery('key');
  if (common) return common;
  for (const name of places.query) {
    const own = request.getQuery(name);
    if (own) return own;
  }
  return '';
}

/** The key of an Authorization header; empty for other schemes, which are some proxy's business. */
function authorizedKey(authorization: string): string {
  const space = authorization.indexOf(' ');
  if (space === -1) return '';
  const scheme = authorization.slice(0, space).toLowerCase();
  const value = authorization.slice(space + 1).trim();
  if (scheme === 'bearer') return value;
  return scheme === 'basic' ? basicUser(value) : '';
}

function basicUser(credentials: string): string {
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? text : text.slice(0, colon);
}

import type { HttpRequest } from 'uWebSockets.js';

/**
 * The write key of a request, wherever clients put it: `Authorization: Bearer`, the user name of Basic,
 * `X-Api-Key`, `?key=`. Empty when there is none. The first place that has one decides.
 */
export function readWriteKey(request: HttpRequest): string {
  const authorization = request.getHeader('authorization');
  if (authorization !== '') {
    const space = authorization.indexOf(' ');
    const scheme = authorization.slice(0, space).toLowerCase();
    const value = authorization.slice(space + 1).trim();
    if (scheme === 'bearer') return value;
    if (scheme === 'basic') return basicUser(value);
  }
  return request.getHeader('x-api-key') || (request.getQuery('key') ?? '');
}

/** User name of RFC 7617 credentials: SDKs send the key as user and no password. */
function basicUser(credentials: string): string {
  const text = Buffer.from(credentials, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon === -1 ? text : text.slice(0, colon);
}

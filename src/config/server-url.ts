/** Addresses of servers as people write them: `https://user:password@host:8443/database`, `redis://:password@host:6379/2`. */

/** Its parts; undefined where the address does not say. */
export interface ServerUrl {
  /** Scheme, host and port alone. */
  readonly origin: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
}

/** Undefined for what is no such address: another scheme, a query, a path of more than a database's name. */
export function parseServerUrl(text: string): ServerUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, pathname, origin, search, hash } = new URL(text);
  if ((protocol !== 'http:' && protocol !== 'https:') || search !== '' || hash !== '') return undefined;
  const database = pathname.replace(/^\/|\/$/g, '');
  if (database.includes('/')) return undefined;
  return {
    origin,
    username: decode(username),
    password: decode(password),
    database: decode(database),
  };
}

/** Undefined for what is no address of Redis: another scheme, a query, a path that is no number of a database. */
export function parseRedisUrl(text: string): ServerUrl | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, pathname, host, search, hash } = new URL(text);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || host === '' || search !== '' || hash !== '')
    return undefined;
  const [, database] = /^\/?(\d{0,5})$/.exec(pathname) ?? [];
  if (database === undefined) return undefined;
  return {
    origin: `${protocol}//${host}`,
    username: decode(username),
    password: decode(password),
    database: database === '' ? undefined : database,
  };
}

function decode(text: string): string | undefined {
  if (text === '') return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The address of CLICKHOUSE_HOST and CLICKHOUSE_PORT; the two ports that speak TLS everywhere mean https. */
export function serverUrlOf(host: string, port: string): string {
  const scheme = port === '8443' || port === '443' ? 'https' : 'http';
  return `${scheme}://${bracketed(host)}:${port}`;
}

/** The address of REDIS_HOST and REDIS_PORT. */
export function redisUrlOf(host: string, port: string): string {
  return `redis://${bracketed(host)}:${port}`;
}

/** Addresses of IPv6 stand in brackets. */
function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}

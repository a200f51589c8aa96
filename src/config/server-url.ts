/** Addresses of ClickHouse servers as people write them: `https://user:password@host:8443/database`. */

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
  return `${scheme}://${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
}

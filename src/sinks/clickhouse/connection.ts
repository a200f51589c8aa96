/**
 * One thread's connections to a ClickHouse server, over @clickhouse/client: statements with a few rows of answer, and
 * inserts whose body goes to the socket as it is, in the pieces that it stands in. The client's own `insert` knows neither
 * Native nor RowBinary and would encode row by row; its `exec` passes a stream through.
 */
import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { Readable } from 'node:stream';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { CLICKHOUSE_CONNECTIONS_MAX, CLICKHOUSE_IDLE_SOCKET_MS } from '../../limits.ts';

/** Where the server is and who asks; plain data that travels to worker threads. */
export interface ServerAddress {
  /** Scheme, host and port. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** PEM file of trusted certificates; empty for the runtime's. */
  readonly caFile: string;
  readonly verifyTls: boolean;
  /** Silence after which a request has failed. */
  readonly timeoutMs: number;
}

/** Names and values as URLs have them. */
export type Settings = Readonly<Record<string, string>>;

export interface Insert {
  /** `INSERT INTO … FORMAT …`. */
  readonly sql: string;
  readonly settings: Settings;
  /** The body. Read until the call settles, never kept. */
  readonly views: readonly Uint8Array[];
  /** Of the body; undefined where it is none. */
  readonly encoding: string | undefined;
  readonly signal: AbortSignal;
}

export interface Connection {
  /** Rows of a SELECT, each a list of its values. Rejects with the client's error. */
  select(sql: string): Promise<readonly (readonly unknown[])[]>;
  /** Runs a statement. Rejects with the client's error. */
  run(sql: string): Promise<void>;
  /** Resolves when the rows are in the table. Rejects with the client's error; whether they are is not known then. */
  insert(insert: Insert): Promise<void>;
  close(): Promise<void>;
}

/** Opens no socket yet. Throws when the certificates cannot be read. */
export function createConnection(address: ServerAddress): Connection {
  const client = createClient({
    url: address.url,
    username: address.username,
    password: address.password,
    application: 'penstock',
    request_timeout: address.timeoutMs,
    max_open_connections: CLICKHOUSE_CONNECTIONS_MAX,
    keep_alive: {
      enabled: true,
      idle_socket_ttl: CLICKHOUSE_IDLE_SOCKET_MS,
      eagerly_destroy_stale_sockets: true,
    },
    // Errors are told once, by who asked; the client's own lines would go to the console.
    log: { level: ClickHouseLogLevel.OFF },
    ...(address.url.startsWith('https:') ? { http_agent: createTlsAgent(address) } : {}),
  });
  return {
    async select(sql) {
      const result = await client.query({ query: sql, format: 'JSONCompact' });
      return (await result.json<unknown[]>()).data;
    },
    async run(sql) {
      await client.command({ query: sql });
    },
    async insert({ sql, settings, views, encoding, signal }) {
      const { stream } = await client.exec({
        query: sql,
        values: Readable.from(views, { objectMode: false }),
        clickhouse_settings: settings,
        abort_signal: signal,
        ...(encoding === undefined ? {} : { http_headers: { 'Content-Encoding': encoding } }),
      });
      // The socket is free for the next one only behind the answer's end.
      await stream.toArray();
    },
    close: () => client.close(),
  };
}

/** The client's own agent would not take `rejectUnauthorized`. */
function createTlsAgent({ caFile, verifyTls }: ServerAddress): Agent {
  return new Agent({
    keepAlive: true,
    maxSockets: CLICKHOUSE_CONNECTIONS_MAX,
    rejectUnauthorized: verifyTls,
    ...(caFile === '' ? {} : { ca: readFileSync(caFile) }),
  });
}

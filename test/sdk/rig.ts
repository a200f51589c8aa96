/**
 * A server that dies and comes back on the same data, behind a proxy that cuts connections, while a client of src/sdk/
 * tracks events; and what the store has of them at the end.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../bench/corpus.ts';
import { type Running, startServer, until } from '../support/appliance.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/** Printed with a failure; PENSTOCK_TEST_SEED runs the same again, as far as the machine allows. */
export const SEED = Number(process.env['PENSTOCK_TEST_SEED'] ?? Date.now() % 1_000_000);

/** Write key of the app `shop`. */
export const KEY = 'wk_shop_1';

export interface Rig {
  readonly proxy: TcpProxy;
  readonly url: string;
  server(): Running;
  /** `kill -9`, and a new process on the same data. */
  killServer(): Promise<void>;
  /** A whole number below `end`, by the seed. */
  random(end: number): number;
  stop(): Promise<void>;
}

/**
 * `workers` 2 where sessions say what the server has; by POST 1: with more, what a connection that is cut has left in one
 * thread and its repeat in another may be handled at the same moment, where threads wait for a core, and both are kept
 * (docs/operations.md, Repeats).
 */
export async function startRig(workers: number, forbidden?: RegExp): Promise<Rig> {
  const config = { workers, apps: [{ name: 'shop', keys: [KEY] }] } as never;
  const dataDir = mkdtempSync(join(tmpdir(), 'penstock-sdk-test-'));
  let server = await startServer({ config, dataDir });
  const portOf = () => Number(new URL(server.url).port);
  const proxy = await startProxy(portOf(), 0, forbidden);
  const next = createRandom(SEED);
  return {
    proxy,
    url: `http://127.0.0.1:${proxy.port}`,
    server: () => server,
    killServer: async () => {
      server.signal('SIGKILL');
      await server.exited;
      server = await startServer({ config, dataDir });
      proxy.retarget(portOf());
    },
    random: (end) => next() % end,
    stop: async () => {
      await proxy.stop();
      await server.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Stored {
  readonly rows: number;
  readonly ids: number;
  readonly transports: string[];
}

/** Waits until the store has `count` ids of this type, then until nothing waits any more, and counts. */
export async function storedOf(server: Running, eventType: string, count: number): Promise<Stored> {
  const sql = `SELECT uniqExact(event_id) AS ids FROM events WHERE event_type = '${eventType}'`;
  const hasCount = async () => Number((await server.query<{ ids: string }>(sql))[0]?.ids) >= count;
  await until(hasCount, 120_000, `the store has ${count} of ${eventType}`);
  await until(
    async () => {
      const text = await (await fetch(`${server.url}/metrics`)).text();
      const waiting = [...text.matchAll(/^penstock_journal_rows\{[^}]*\} (\d+)/gm)];
      return waiting.length > 0 && waiting.every(([, rows]) => rows === '0');
    },
    120_000,
    'the journal is delivered',
  );
  const [row] = await server.query<{ n: string; ids: string; transports: string[] }>(
    `SELECT count() AS n, uniqExact(event_id) AS ids, arraySort(groupUniqArray(transport)) AS transports
       FROM events WHERE event_type = '${eventType}'`,
  );
  return {
    rows: Number(row?.n),
    ids: Number(row?.ids),
    transports: row?.transports ?? [],
  };
}

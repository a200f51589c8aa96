/**
 * ClickHouse for the bench: the server that CLICKHOUSE_URL names, else `penstock store --writable`, the same engine over
 * the same HTTP interface. Each owner has a database of its own with the tables of `penstock migrate`.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { MAIN, startServer } from '../process.ts';
import type { Backend, Count } from './place.ts';

const run = promisify(execFile);

/** `folder` holds its data where it is started here. */
export async function openClickHouse(folder: string): Promise<Backend> {
  const given = process.env['CLICKHOUSE_URL'];
  const server = given === undefined || given === '' ? await startStore(folder) : undefined;
  const url = server?.url ?? String(given);
  const databases: string[] = [];
  const version = await ask(url, 'SELECT version()');
  return {
    about: `ClickHouse ${version}, ${server === undefined ? 'a server of your own' : 'penstock store --writable'}`,
    pids: server === undefined ? [] : server.family(),
    place: async (owner) => {
      const database = `bench_${owner.replaceAll('-', '_')}`;
      databases.push(database);
      await ask(url, `DROP DATABASE IF EXISTS ${database}`);
      await ask(url, `CREATE DATABASE ${database}`);
      const env = { CLICKHOUSE_URL: url, CLICKHOUSE_DATABASE: database };
      await run(process.execPath, [MAIN, 'migrate'], { env: { ...process.env, ...env } });
      return {
        sink: 'clickhouse',
        env,
        folder: mkdtempSync(join(folder, `${owner}-`)),
        count: countEvents(url, `${database}.events`),
      };
    },
    stop: async () => {
      for (const database of databases) await ask(url, `DROP DATABASE IF EXISTS ${database}`);
      await server?.stop();
    },
  };
}

function startStore(folder: string) {
  const dataDir = join(folder, 'store');
  mkdirSync(dataDir);
  return startServer(
    MAIN,
    ['store', '--writable', '--data-dir', dataDir, '--port', '0'],
    {},
    { isUp: (line) => (line['msg'] === 'writable store is up' ? String(line['url']) : undefined) },
  );
}

/** Counts the rows of a table of events. */
export function countEvents(url: string, table: string): Count {
  return {
    rows: async () => Number(await ask(url, `SELECT count() FROM ${table}`)),
    distinct: async () => Number(await ask(url, `SELECT uniqExact(event_id) FROM ${table}`)),
  };
}

async function ask(url: string, sql: string): Promise<string> {
  const { username, password, origin } = new URL(url);
  const answer = await fetch(origin, {
    method: 'POST',
    body: sql,
    headers: {
      'X-ClickHouse-User': decodeURIComponent(username) || 'default',
      'X-ClickHouse-Key': decodeURIComponent(password),
    },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`ClickHouse: ${text.slice(0, 500)}`);
  return text.trim();
}

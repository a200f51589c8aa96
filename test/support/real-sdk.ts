/**
 * A real SDK sends 10,000 events through a door that refuses at first; the store then must have each exactly once, with
 * the columns that it should. What was seen goes into the table of docs/sdks.md (scripts/sdk-table.mjs).
 */
import { readFileSync } from 'node:fs';
import { expect, TestRunner } from 'vitest';

import { rowOf, rowsOfPage, type SdkResult } from '../../scripts/sdk-table/table.mjs';
import { type Running, startServer, until } from './appliance.ts';
import { type FlakyDoor, openDoor } from './flaky-door.ts';

export const EVENTS = 10_000;
export const APP = 'shop';
export const KEY = 'wk_shop_1';
/** Of a second app, `other`. */
export const OTHER_KEY = 'wk_other_1';
/** The header that says a key as SDKs on servers do. */
export const basic = (key: string) => ({
  authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}`,
});

/** What the client has said of event number `n`, as the store's columns have it; numbers of event_data as SQL reads them. */
export interface Expected {
  readonly event_type: string;
  readonly user_id: string;
  readonly timestamp?: string;
  readonly event_id?: string;
  readonly [column: string]: unknown;
}

export interface SdkRun {
  /** Name of the package, whose version is read from node_modules. */
  readonly sdk: string;
  readonly dialect: string;
  /** Requests that are refused first; 0 for clients that never send again. */
  readonly refusals: number;
  /** SQL for the number of an event, written by the client into its data. */
  readonly number: string;
  readonly events?: number;
  /** The mode, where one client has several. */
  readonly mode?: string;
  /** Makes the client send events 0 to count - 1 and resolves when it has nothing left. */
  send(door: FlakyDoor, count: number): Promise<void>;
  expected(n: number): Expected;
}

/** Starts a server for the SDKs of one chapter. */
export async function startSdkServer(): Promise<Running> {
  const server = await startServer({
    config: {
      apps: [
        { name: APP, keys: [KEY, `${KEY}:secret`] },
        { name: 'other', keys: [OTHER_KEY] },
      ] as never,
    },
  });
  await server.ready();
  await until(async () => (await server.query('SELECT 1')).length === 1, 30_000, 'the store answers');
  return server;
}

/** Runs the client against the server and checks every row. */
export async function expectDelivered(server: Running, run: SdkRun): Promise<void> {
  const count = run.events ?? EVENTS;
  const before = await countOf(server, run.dialect);
  const door = await openDoor(server.url, run.refusals);
  try {
    await run.send(door, count);
    await server.waitForCount(`SELECT count() FROM events WHERE dialect = '${run.dialect}'`, before + count);
  } finally {
    await door.close();
  }
  const rows = await rowsSince(server, run, before);
  const byNumber = new Map(rows.map((row) => [Number(row['n']), row]));
  expect([rows.length, byNumber.size]).toEqual([count, count]);
  expect(new Set(rows.map((row) => row['event_id'])).size).toBe(count);
  for (let n = 0; n < count; n++) {
    const expected: Record<string, unknown> = { app_id: APP, ...run.expected(n) };
    const row = byNumber.get(n) ?? {};
    const found = Object.fromEntries(Object.keys(expected).map((column) => [column, row[column]]));
    // Ten thousand expectations would block the process for seconds.
    if (JSON.stringify(found) !== JSON.stringify(expected))
      expect({ n, ...found }).toEqual({ n, ...expected });
  }
  expect(JSON.stringify(rows)).not.toContain(KEY);
  expect(await server.query(`SELECT * FROM events_rejected WHERE dialect = '${run.dialect}'`)).toEqual([]);
  expect(door.refused).toBe(run.refusals);
  expect([...door.statuses.keys()]).toEqual([200]);
  recordSdk({
    sdk: run.sdk,
    mode: run.mode ?? '',
    runtime: 'Node',
    events: count,
    refused: door.refused,
    encodings: [...door.encodings.keys()].map((name) => name || 'none').sort(),
    paths: [...door.paths.keys()].sort(),
  });
}

async function countOf(server: Running, dialect: string): Promise<number> {
  const [row] = await server.query<{ n: string }>(
    `SELECT count() AS n FROM events WHERE dialect = '${dialect}'`,
  );
  return Number(row?.n ?? 0);
}

/** All rows of the run, which follow those of runs before by their time of arrival. */
async function rowsSince(server: Running, run: SdkRun, before: number): Promise<Record<string, unknown>[]> {
  const rows = await server.query(
    `SELECT *, toString(${run.number}) AS n FROM events WHERE dialect = '${run.dialect}' ORDER BY received_at, event_id LIMIT 1000000 OFFSET ${before}`,
  );
  return rows.map((row) => ({ ...row, timestamp: `${String(row['timestamp']).replace(' ', 'T')}Z` }));
}

/**
 * Says for the test that runs what it has seen of its client, with the version and the licence of the package that ran:
 * it goes into vitest's reports, of which the table of docs/sdks.md is made. Fails when the table says something else.
 */
export function recordSdk(seen: Omit<SdkResult, 'version' | 'license'>): void {
  const manifest = new URL(`../../node_modules/${seen.sdk}/package.json`, import.meta.url);
  const { version = '', license = '' } = JSON.parse(readFileSync(manifest, 'utf8')) as Record<string, string>;
  const test = TestRunner.getCurrentTest();
  const result = { ...seen, version, license };
  if (test !== undefined) test.meta.sdk = result;
  // Not while the table is being made.
  if (process.env['SDK_TABLE'] !== 'write') expect(rowsOfPage()).toContain(rowOf(result));
}

declare module 'vitest' {
  interface TaskMeta {
    sdk?: SdkResult;
  }
}

/**
 * The prove harness itself: a proof that cannot fail proves nothing. It is given a store that lacks an event, one that has
 * one twice, and a server that forgets what it has acknowledged. It runs compiled, as `npm run prove` does.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { NumberedBody } from '../../bench/prove/client/body.ts';
import type { ClientLedger } from '../../bench/prove/client/messages.ts';
import { type Ask, countEvents } from '../../bench/prove/count.ts';
import { formatMarkdown, formatResults } from '../../bench/prove/report.ts';
import { type Running, startServer } from '../support/appliance.ts';

const compiled = new URL('../../dist/bench/prove/', import.meta.url);
const { runFault } = (await import(
  new URL('run-fault.js', compiled).href
)) as typeof import('../../bench/prove/run-fault.ts');
const { kill } = (await import(
  new URL('faults/process.js', compiled).href
)) as typeof import('../../bench/prove/faults/process.ts');

describe('the count', () => {
  let server: Running;
  afterEach(async () => {
    await (server as Running | undefined)?.stop();
  });

  /** What the one client believes: all of 40 events acknowledged, the second ten of them sent twice. */
  const ledger: ClientLedger = {
    client: 3,
    transport: 'http',
    acknowledged: 40,
    sent: 40,
    resent: [10],
    eventsEach: 10,
  };

  test('is exact: what is missing, what stands twice and why, what was never sent, what is not the same', async () => {
    server = await startServer();
    await server.ready();
    const body = new NumberedBody('p1', 3, 10);
    for (const first of [0, 10, 20, 30]) {
      body.write(first);
      const url = `${server.url}/v1/events/batch`;
      expect((await fetch(url, { method: 'POST', body: Uint8Array.from(body.bytes) })).status).toBe(200);
    }
    await server.waitForCount('events', 40);
    const ask: Ask = (sql) => server.query(sql);
    /** Asks a store in which some rows of the real one are missing, doubled or other. */
    const askOther =
      (rows: string): Ask =>
      (sql) =>
        server.query(sql.replaceAll('FROM events', `FROM (${rows})`));

    expect(await countEvents(ask, 'p1', [ledger])).toEqual({
      acknowledged: 40,
      lost: 0,
      duplicated: 0,
      problems: [],
      repeats: [],
    });
    const lacking = askOther("SELECT * FROM events WHERE right(event_id, 2) NOT IN ('07', '08', '39')");
    expect(await countEvents(lacking, 'p1', [ledger])).toMatchObject({
      lost: 3,
      problems: ['client 3 (http): 3 of 40 acknowledged events are missing: 7–8, 39–39'],
    });
    const doubled = askOther(
      "SELECT * FROM events UNION ALL SELECT * FROM events WHERE right(event_id, 2) IN ('05', '12')",
    );
    expect(await countEvents(doubled, 'p1', [ledger])).toMatchObject({
      lost: 0,
      duplicated: 2,
      problems: ['1 events stand twice that were sent once: client 3 event 5 (2 rows)'],
      repeats: ['1 events stand twice whose client sent them again: client 3 event 12 (2 rows)'],
    });
    expect(await countEvents(ask, 'p1', [{ ...ledger, acknowledged: 30, sent: 35 }])).toMatchObject({
      lost: 0,
      problems: ['client 3: 5 rows that it never sent, up to 39'],
    });
    const altered = askOther("SELECT * REPLACE (replace(event_id, '09', '99') AS event_id) FROM events");
    const { lost, problems } = await countEvents(altered, 'p1', [ledger]);
    expect([lost, problems.join()]).toEqual([1, expect.stringContaining('1 rows are not what it sent')]);
    const empty = askOther('SELECT * FROM events WHERE 0');
    expect(await countEvents(empty, 'p1', [ledger])).toMatchObject({ acknowledged: 40, lost: 40 });
  }, 60_000);
});

describe('a fault beside load', () => {
  const options = { seed: 7, extent: 'short', times: 1, progress: () => {} } as const;

  test('kill -9: every acknowledged event is in the store', async () => {
    const result = await runFault(kill, options);
    expect(result).toMatchObject({ times: 1, lost: 0 });
    expect(result.acknowledged).toBeGreaterThan(1_000);
    expect(result.recoveryMs?.max).toBeGreaterThan(0);
    expect(formatResults({ machine: 'm', seed: 7, extent: 'short', results: [result] })).toContain('kill');
  }, 120_000);

  test('fails where acknowledged events are lost: kill -9 of a server that keeps them in memory', async () => {
    const forgetful = { ...kill, config: { journal: { durability: 'memory' } } };
    const result = await runFault(forgetful, options);
    expect(result.status).toBe('failed');
    expect(result.lost).toBeGreaterThan(0);
    expect(result.problems.join('\n')).toContain('acknowledged events are missing');
    expect(formatMarkdown({ machine: 'm', seed: 7, extent: 'short', results: [result] })).toMatch(
      /^\| kill -9 of the process \(`kill`\) \| 1 \|.*\| failed \|$/m,
    );
  }, 120_000);
});

/**
 * Every acknowledged event is counted by its id, in the store: a query gives, client by client, how many ids there are,
 * how many below the number up to which all were acknowledged, and how many rows. Nothing is sampled; what is fetched is
 * a row a client.
 */
import { NUMBER_DIGITS } from './client/body.ts';
import type { ClientLedger } from './client/messages.ts';

/** Asks the store; ClickHouse's JSONEachRow, numbers as text or not. */
export type Ask = (sql: string) => Promise<Record<string, string>[]>;

export interface Count {
  readonly acknowledged: number;
  /** Acknowledged and not in the store. */
  readonly lost: number;
  /** Rows in the store beyond one an id. */
  readonly duplicated: number;
  /** What is wrong, in words; repeats of what was sent again stand apart. */
  readonly problems: readonly string[];
  readonly repeats: readonly string[];
}

/** Examples that a problem names. */
const EXAMPLES_MAX = 5;
/** Groups of repeated rows that are looked at one by one. */
const REPEATS_MAX = 20_000;

const N = `toUInt32(right(event_id, ${NUMBER_DIGITS}))`;
const CLIENT = `toUInt8(substring(event_id, -${NUMBER_DIGITS + 3}, 2))`;

/** Compares what the clients were told with what the table `events` holds of the ids with this prefix. */
export async function countEvents(
  ask: Ask,
  prefix: string,
  ledgers: readonly ClientLedger[],
): Promise<Count> {
  const rows = await ask(`
    SELECT ${CLIENT} AS client, count() AS rows, groupBitmap(n) AS ids, groupBitmapIf(n, n < acknowledged) AS found,
      max(n) AS last, countIf(n >= sent) AS unknown, countIf(toString(event_data.n) != right(event_id, ${NUMBER_DIGITS})) AS altered
    FROM (
      SELECT event_id, event_data, ${N} AS n, ${perClient(ledgers, 'acknowledged')} AS acknowledged, ${perClient(ledgers, 'sent')} AS sent
      FROM events WHERE startsWith(event_id, '${prefix}-')
    ) GROUP BY client`);
  const problems: string[] = [];
  let lost = 0;
  let duplicated = 0;
  let acknowledged = 0;
  for (const ledger of ledgers) {
    const row = rows.find((one) => Number(one['client']) === ledger.client) ?? {};
    const of = (name: string) => Number(row[name] ?? 0);
    acknowledged += ledger.acknowledged;
    const missing = ledger.acknowledged - of('found');
    lost += missing;
    duplicated += of('rows') - of('ids');
    if (missing > 0) problems.push(await describeMissing(ask, prefix, ledger, missing));
    if (of('unknown') > 0) {
      problems.push(`client ${ledger.client}: ${of('unknown')} rows that it never sent, up to ${of('last')}`);
    }
    if (of('altered') > 0)
      problems.push(`client ${ledger.client}: ${of('altered')} rows are not what it sent`);
  }
  const { sentOnce, sentAgain } = await findRepeats(ask, prefix, duplicated > 0 ? ledgers : []);
  return { acknowledged, lost, duplicated, problems: [...problems, ...sentOnce], repeats: sentAgain };
}

function perClient(ledgers: readonly ClientLedger[], name: 'acknowledged' | 'sent'): string {
  const clients = ledgers.map(({ client }) => client).join(',');
  const values = ledgers.map((ledger) => ledger[name]).join(',');
  return `transform(${CLIENT}, [${clients}], [${values}], 0)`;
}

async function describeMissing(
  ask: Ask,
  prefix: string,
  { client, acknowledged, transport }: ClientLedger,
  missing: number,
): Promise<string> {
  const gaps = await ask(`
    SELECT n + 1 AS first, next - 1 AS last FROM (
      SELECT n, leadInFrame(n, 1, ${acknowledged}) OVER (ORDER BY n ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS next
      FROM (
        SELECT DISTINCT toInt64(${N}) AS n FROM events
        WHERE startsWith(event_id, '${prefix}-') AND ${CLIENT} = ${client} AND ${N} < ${acknowledged}
        UNION ALL SELECT toInt64(-1)
      )
    ) WHERE next > n + 1 ORDER BY first LIMIT ${EXAMPLES_MAX}`);
  const places = gaps.map(({ first, last }) => `${first}–${last}`).join(', ');
  return `client ${client} (${transport}): ${missing} of ${acknowledged} acknowledged events are missing: ${places}`;
}

/** Repeats of what a client sent twice ask for deduplication by id; others would be the journal's or a sink's own. */
async function findRepeats(
  ask: Ask,
  prefix: string,
  ledgers: readonly ClientLedger[],
): Promise<{ sentOnce: string[]; sentAgain: string[] }> {
  if (ledgers.length === 0) return { sentOnce: [], sentAgain: [] };
  const repeats = await ask(`
    SELECT ${CLIENT} AS client, ${N} AS n, count() AS rows FROM events WHERE startsWith(event_id, '${prefix}-')
    GROUP BY client, n HAVING rows > 1 ORDER BY client, n LIMIT ${REPEATS_MAX}`);
  const resent = new Map(ledgers.map((ledger) => [ledger.client, new Set(ledger.resent)] as const));
  const eachOf = new Map(ledgers.map(({ client, eventsEach }) => [client, eventsEach] as const));
  const wasResent = ({ client, n }: Record<string, string>) => {
    const first = Number(n) - (Number(n) % (eachOf.get(Number(client)) ?? 1));
    return resent.get(Number(client))?.has(first) ?? false;
  };
  return {
    sentOnce: describe(
      repeats.filter((row) => !wasResent(row)),
      'that were sent once',
    ),
    sentAgain: describe(repeats.filter(wasResent), 'whose client sent them again'),
  };
}

function describe(rows: readonly Record<string, string>[], which: string): string[] {
  if (rows.length === 0) return [];
  const examples = rows
    .slice(0, EXAMPLES_MAX)
    .map(({ client, n, rows: count }) => `client ${client} event ${n} (${count} rows)`);
  const atLeast = rows.length === REPEATS_MAX ? 'at least ' : '';
  return [`${atLeast}${rows.length} events stand twice ${which}: ${examples.join(', ')}`];
}

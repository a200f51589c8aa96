/** What a server says at /metrics, as numbers. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { until } from './appliance.ts';

/** Sum of a metric's series, of those alone whose labels contain `labels`; 0 where there is none. */
export function sumIn(text: string, name: string, labels = ''): number {
  const series = [...text.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm'))];
  return series
    .filter(([, own = '']) => own.includes(labels))
    .reduce((sum, [, , value]) => sum + Number(value), 0);
}

/** The same of a server, at this moment. */
export async function metricOf(server: { readonly url: string }, name: string, labels = ''): Promise<number> {
  return sumIn(await scrape(server.url), name, labels);
}

/** The text of a scrape. */
export async function scrape(url: string, query = ''): Promise<string> {
  return (await fetch(`${url}/metrics${query}`)).text();
}

/** What a scrape has, as rows of the tables of docs/metrics.md. */
export function tableRowsIn(text: string): string[] {
  return [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name = '', help, type]) => {
    const series = [...text.matchAll(new RegExp(`^${name}(?:_bucket|_sum|_count)?\\{(.*)\\} \\S+$`, 'gm'))];
    const labels = new Set(
      series.flatMap(([, own = '']) => [...own.matchAll(/(\w+)="/g)].map(([, label]) => label)),
    );
    labels.delete('le');
    return `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(', ')} | ${help} |`;
  });
}

/** Rows of docs/metrics.md whose series begins with one of `prefixes`. */
export function documentedRows(...prefixes: string[]): string[] {
  const page = readFileSync(fileURLToPath(new URL('../../docs/metrics.md', import.meta.url)), 'utf8');
  return page.split('\n').filter((line) => prefixes.some((prefix) => line.startsWith(`| \`${prefix}`)));
}

/** Names of the threads in a scrape that have counts of events. */
function workersIn(text: string): string[] {
  return [...text.matchAll(/^penstock_events_in_flight\{thread="([^"]*)"\}/gm)].map(([, name = '']) => name);
}

/**
 * received = accepted + rejected + duplicate + in flight, for each thread by itself and whatever it is doing; gives the
 * sums over all threads.
 */
export function expectLaw(text: string) {
  const workers = workersIn(text);
  expect(workers.length).toBeGreaterThan(0);
  for (const worker of workers) {
    const of = (name: string) => sumIn(text, `penstock_events_${name}`, `thread="${worker}"`);
    const accounted = of('accepted_total') + of('rejected_total') + of('duplicate_total') + of('in_flight');
    expect({ worker, events: accounted }).toEqual({ worker, events: of('received_total') });
  }
  const rejected = sumIn(text, 'penstock_events_rejected_total');
  expect(sumIn(text, 'penstock_rejections_total')).toBe(rejected);
  return {
    received: sumIn(text, 'penstock_events_received_total'),
    accepted: sumIn(text, 'penstock_events_accepted_total'),
    rejected,
    duplicate: sumIn(text, 'penstock_events_duplicate_total'),
    inFlight: sumIn(text, 'penstock_events_in_flight'),
  };
}

/** The law of a server that nothing is sent to: then nothing is in flight either. */
export async function expectLawAtRest(url: string) {
  let text = '';
  const isAtRest = async () => {
    text = await scrape(url);
    return sumIn(text, 'penstock_requests_in_flight') + sumIn(text, 'penstock_frames_in_flight') === 0;
  };
  await until(isAtRest, 20_000, 'nothing is in flight');
  const counts = expectLaw(text);
  expect(counts.inFlight).toBe(0);
  return counts;
}

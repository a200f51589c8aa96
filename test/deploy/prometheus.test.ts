/** A real Prometheus scrapes a running server, evaluates our rules and answers every query of the dashboards over its series. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { scrape } from '../support/metrics.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { StreamClient } from '../support/stream-client.ts';
import { expectQuiet, hasPrometheus, Names, note, promtool, queriesOf, RULES, rulesOf } from './watched.ts';

describe.skipIf(!hasPrometheus)(`a Prometheus that scrapes a server${note}`, () => {
  let server: Running;
  let prometheus: Prometheus;
  beforeAll(async () => {
    server = await startServer({ config: { workers: 2 as never } });
    prometheus = await startPrometheus({ penstock: new URL(server.url).host }, [RULES]);
    // What is sent later is a rise then.
    const isScraped = async () => (await prometheus.series('penstock_events_received_total')).length > 0;
    await until(isScraped, 20_000, 'the server is scraped');
  }, 90_000);
  afterAll(async () => {
    await (prometheus as Prometheus | undefined)?.stop();
    expect(await server.stop()).toBe(0);
  });

  test('finds the target up, and its numbers are those of what was sent', async () => {
    const post = (body: unknown) =>
      fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(body) });
    const bad = { event_type: 'x' };
    expect((await post([...testEvents(50), bad, bad])).status).toBe(200);
    expect((await post(testEvents(50))).status).toBe(200);
    const client = await StreamClient.connect(server.streamUrl);
    for (const event of testEvents(20, 'ws')) client.send(event);
    await client.acked(20);
    await fetch(`${server.url}/v1/batch`, {
      method: 'POST',
      body: '{"batch":[{"type":"track","event":"e","userId":"u","messageId":"m"}]}',
    });
    const value = async (expression: string) => Number((await prometheus.query(expression))[0]?.value[1]);
    await until(
      async () => (await value('sum(penstock_events_received_total)')) === 123,
      20_000,
      'all is scraped',
    );
    expect(await value('up{job="penstock"}')).toBe(1);
    expect(await value('sum(penstock_events_accepted_total{transport="ws"})')).toBe(20);
    expect(await value('sum(penstock_events_accepted_total{dialect="segment"})')).toBeLessThanOrEqual(1);
    expect(await value('sum(penstock_events_duplicate_total)')).toBe(50);
    expect(await value('sum(penstock_rejections_total{code="missing_field"})')).toBe(2);
    expect(await value('count(penstock_thread_up == 1)')).toBe(3);
    expect(await value('sum(penstock_ack_seconds_count)')).toBe(23);
    client.close();
  }, 60_000);

  test('evaluates every rule without an error, and no alert fires', async () => {
    await expectQuiet(prometheus);
    const isLawful = async () => {
      const unaccounted = await prometheus.query('thread:penstock_events_unaccounted:difference');
      return unaccounted.length === 2 && unaccounted.every(({ value }) => value[1] === '0');
    };
    await until(isLawful, 20_000, 'both threads account for all events');
  }, 60_000);

  test('has every series and label that the rules name', async () => {
    await new Names(prometheus).expectRules(rulesOf('appliance'));
  }, 60_000);

  test('has every series and label that the dashboards name, and answers their queries', async () => {
    const queries = queriesOf('appliance');
    expect(queries.length).toBeGreaterThan(100);
    await new Names(prometheus).expectQueries(queries);
    const [series] = await prometheus.series('penstock_build_info');
    expect(series).toMatchObject({ job: 'penstock', instance: new URL(server.url).host });
  }, 180_000);

  test('finds nothing to complain about in the names, types and helps of a scrape', async () => {
    const text = await scrape(server.url);
    const said = execFileSync(promtool ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect(said).toBe('');
  });
});

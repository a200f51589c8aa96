/** The same for `penstock consume`, which has a `/metrics` of its own: between a real broker and a ClickHouse server. */
import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { canonicalLine } from '../consume/model.ts';
import { until } from '../support/appliance.ts';
import { startConsumer, type TestConsumer } from '../support/consumer.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { documentedRows, scrape, tableRowsIn } from '../support/metrics.ts';
import { type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { startWritableStore, type WritableStore } from '../support/writable-store.ts';
import { expectQuiet, hasPrometheus, Names, note, promtool, queriesOf, RULES, rulesOf } from './watched.ts';

const JOB = 'penstock-consumer';
const describeBoth = hasPrometheus
  ? describeKafka
  : (name: string, tests: () => void) => describe.skip(`${name}${note}`, tests);
vi.setConfig({ testTimeout: 90_000, hookTimeout: 120_000 });

describeBoth('a Prometheus that scrapes a consumer', () => {
  let kafka: TestKafka;
  let store: WritableStore;
  let consumer: TestConsumer;
  let prometheus: Prometheus;

  beforeAll(async () => {
    [kafka, store] = await Promise.all([startKafka(), startWritableStore()]);
    await kafka.createTopic('events', 2);
    const clickhouse = `${store.url}/penstock`;
    await store.migrate();
    consumer = await startConsumer({ brokers: kafka.brokers, clickhouse });
    await consumer.ready();
    prometheus = await startPrometheus({ [JOB]: new URL(consumer.url).host }, [RULES]);
    // What is sent later is a rise then.
    const isScraped = async () =>
      (await prometheus.series('penstock_consumer_dead_letters_total')).length > 0;
    await until(isScraped, 20_000, 'the consumer is scraped');
  });
  afterAll(async () => {
    await (prometheus as Prometheus | undefined)?.stop();
    await (consumer as TestConsumer | undefined)?.stop();
    await Promise.all([kafka?.stop(), store?.stop()]);
  });

  async function send(...values: string[]): Promise<void> {
    const producer = await kafka.producer();
    await producer.send({ topic: 'events', messages: values.map((value) => ({ value })) });
    await producer.disconnect();
  }
  const value = async (expression: string) => Number((await prometheus.query(expression))[0]?.value[1]);

  test('sees what was inserted, and no alert fires', async () => {
    await send(...Array.from({ length: 100 }, (_, n) => canonicalLine(`a-${n}`)));
    const isIn = async () => (await value('sum(penstock_consumer_inserted_rows_total)')) === 100;
    await until(isIn, 30_000, 'all rows are counted');
    await until(async () => (await value('sum(penstock_consumer_lag_records)')) === 0, 20_000, 'no lag');
    expect(await value(`up{job="${JOB}"}`)).toBe(1);
    await expectQuiet(prometheus);
  });

  test('has every series and label that the rules name', async () => {
    await new Names(prometheus).expectRules(rulesOf('consumer'));
  });

  test('has every series and label that the dashboard names, and answers its queries', async () => {
    const queries = queriesOf('consumer');
    expect(queries.length).toBeGreaterThan(25);
    await new Names(prometheus).expectQueries(queries);
  });

  test('finds in docs/metrics.md what the consumer has, and nothing to complain about in a scrape', async () => {
    const text = await scrape(consumer.url);
    expect(documentedRows('penstock_consumer_', 'process_').toSorted()).toEqual(tableRowsIn(text).toSorted());
    expect(execFileSync(promtool ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
  });

  test('has an alert firing after the first record that is put aside', async () => {
    await send('no event');
    interface Alert {
      readonly state: string;
      readonly labels: Readonly<Record<string, string>>;
    }
    let firing: Alert['labels'][] = [];
    const isFiring = async () => {
      const { alerts } = await prometheus.get<{ alerts: Alert[] }>('/api/v1/alerts');
      firing = alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels);
      return firing.length > 0;
    };
    await until(isFiring, 60_000, 'the alert fires');
    expect(firing).toEqual([
      { alertname: 'PenstockConsumerDeadLetters', job: JOB, reason: 'not_canonical', severity: 'warning' },
    ]);
  });
});

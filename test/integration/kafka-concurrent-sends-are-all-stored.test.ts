/**
 * Regression, by its hazard: a client that lets concurrent idempotent sends share sequence numbers hears twenty times
 * that all is well while the broker keeps one message and drops nineteen as its repeats.
 */
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { camelTree } from '../../src/config/case.ts';
import { fileSchema } from '../../src/config/schema.ts';
import { lineWith } from '../sinks/kafka/batch-harness.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';

const SENDS = 50;
const WORKERS = 3;

describeKafka('concurrent sends', () => {
  let kafka: TestKafka;
  beforeAll(async () => {
    kafka = await startKafka();
  });
  afterAll(() => kafka.stop());

  test('N sends at once in each worker are N records at N offsets', async () => {
    await kafka.createTopic('at-once', 1);
    const options = {
      ...camelTree(fileSchema.parse({})).kafka,
      brokers: kafka.brokers,
      topic: 'at-once',
      deadLetterTopic: 'at-once',
    };
    const entry = fileURLToPath(new URL('../support/kafka-sends.mjs', import.meta.url));
    const ids = Array.from({ length: WORKERS }, (_, worker) =>
      Array.from({ length: SENDS }, (__, send) => `w${worker}-s${send}`),
    );
    const outcomes = await Promise.all(
      ids.map(
        (mine) =>
          new Promise<string[]>((resolve, reject) => {
            const lines = mine.map((id) => lineWith(id));
            const worker = new Worker(entry, { workerData: { options, lines } });
            worker.once('message', resolve).once('error', reject);
          }),
      ),
    );
    expect(new Set(outcomes.flat())).toEqual(new Set(['delivered']));
    const records = await kafka.read('at-once');
    expect(records.map(({ headers }) => headers['event_id']).toSorted()).toEqual(ids.flat().toSorted());
    expect(new Set(records.map(({ offset }) => offset)).size).toBe(SENDS * WORKERS);
  });
});

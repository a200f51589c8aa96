/** What is relied on of kafkajs' modules, against a real broker: the contract of src/sinks/kafka/kafkajs-bridge.ts. */

import { createRequire } from 'node:module';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readFetchAnswer } from '../../src/consume/fetch-response.ts';
import { composeBatch, composeRecord } from '../../src/sinks/kafka/compose-batch.ts';
import { BrokerLink, describeErrorCode, type LinkOptions } from '../../src/sinks/kafka/kafkajs-bridge.ts';
import { encodeProduceRequest } from '../../src/sinks/kafka/produce-request.ts';
import { NO_PRODUCER, sealBatch } from '../../src/sinks/kafka/record-batch.ts';
import { until } from '../support/appliance.ts';
import { describeKafka, startKafka, type TestKafka } from '../support/kafka.ts';
import { startProxy } from '../support/tcp-proxy.ts';

const OPTIONS: LinkOptions = {
  clientId: 'test',
  connectTimeoutMs: 2000,
  requestTimeoutMs: 2000,
  sasl: undefined,
  tls: undefined,
};

function sealed(value: string): Buffer {
  const batch = composeBatch([composeRecord(Date.now(), Buffer.from(value), [])]);
  sealBatch(batch, NO_PRODUCER);
  return batch;
}

const produce = (link: BrokerLink, topic: string, ...values: string[]) =>
  link.produce(
    encodeProduceRequest(
      { acks: -1, timeoutMs: 2000 },
      values.map((value, partition) => ({ topic, partition, bytes: sealed(value) })),
    ),
  );

test('the version is the one whose modules were read', () => {
  const { version } = createRequire(import.meta.url)('kafkajs/package.json') as { version: string };
  expect(version).toBe('2.2.4');
});

describe('without a broker', () => {
  test('a port where nothing listens rejects at once', async () => {
    await expect(BrokerLink.open({ host: '127.0.0.1', port: 1 }, OPTIONS)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('a server that says nothing is given up', async () => {
    const server = net.createServer(() => {});
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const opening = BrokerLink.open(
      { host: '127.0.0.1', port },
      { ...OPTIONS, connectTimeoutMs: 300, requestTimeoutMs: 300 },
    );
    await expect(opening).rejects.toThrow(/timed out/);
    server.close();
  });

  test('error codes have names', () => {
    expect(describeErrorCode(10)).toMatch(/^MESSAGE_TOO_LARGE \(10\): /);
    expect(describeErrorCode(32_000)).toMatch(/\(32000\)/);
  });
});

describeKafka('with a broker', () => {
  let kafka: TestKafka;
  let address: { host: string; port: number };
  beforeAll(async () => {
    kafka = await startKafka();
    address = { host: '127.0.0.1', port: Number(kafka.brokers[0]?.split(':')[1]) };
    await kafka.createTopic('one', 2);
  });
  afterAll(() => kafka.stop());

  test('a request by name gives its fields, error codes among them; a decoder of our own gets bytes and version', async () => {
    const link = await BrokerLink.open(address, OPTIONS);
    const member = { groupId: 'nobody', groupGenerationId: 7, memberId: 'none' };
    // No such member, or no coordinator before the first group.
    expect([16, 25]).toContain((await link.call<{ errorCode: number }>('Heartbeat', member)).errorCode);
    await kafka.createTopic('named', 1);
    await produce(link, 'named', 'value');
    const request = {
      maxWaitTime: 100,
      minBytes: 1,
      maxBytes: 1000,
      topics: [{ topic: 'named', partitions: [{ partition: 0, fetchOffset: '0', maxBytes: 1000 }] }],
    };
    const answer = await link.call('Fetch', request, readFetchAnswer);
    expect(answer.partitions).toMatchObject([{ topic: 'named', partition: 0, errorCode: 0, endOffset: 1 }]);
    expect(answer.partitions[0]?.records.includes('value')).toBe(true);
    const versions: number[] = [];
    await link.call('Fetch', request, (_, version) => versions.push(version));
    expect(versions).toEqual([11]);
    link.close();
  });

  test('metadata names leaders, and a missing topic beside one that is there', async () => {
    const link = await BrokerLink.open(address, OPTIONS);
    const { brokers, topicMetadata } = await link.metadata(['one', 'none']);
    expect(brokers).toMatchObject([{ nodeId: 1, ...address }]);
    const byName = new Map(topicMetadata.map((topic) => [topic.topic, topic]));
    expect(byName.get('one')).toMatchObject({ topicErrorCode: 0 });
    expect(byName.get('one')?.partitionMetadata.map(({ leader }) => leader)).toEqual([1, 1]);
    expect(byName.get('none')?.topicErrorCode).toBe(3);
    link.close();
  });

  test('topics are made, with an error for one that cannot be', async () => {
    const link = await BrokerLink.open(address, OPTIONS);
    const results = await link.createTopics(['fresh', 'one', 'no good']);
    expect(Object.fromEntries(results)).toEqual({ fresh: 0, one: 36, 'no good': 17 });
    link.close();
  });

  test('each producer id is another', async () => {
    const link = await BrokerLink.open(address, OPTIONS);
    // A broker that has just started says that it is loading; that is an answer, and the connection stays.
    const ids = new Set<bigint>();
    await until(
      async () => {
        const { producerId, producerEpoch } = await link.initProducerId();
        expect(producerEpoch).toBe(0);
        return ids.add(producerId).size === 3;
      },
      10_000,
      'three producer ids were given',
    );
    expect(link.isOpen()).toBe(true);
    link.close();
  });

  test('requests in the air at once are answered each for itself', async () => {
    const link = await BrokerLink.open(address, OPTIONS);
    expect(link.canProduce()).toBe(true);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => produce(link, 'one', `a${n}`, `b${n}`)),
    );
    const offsets = answers.map(([topic]) =>
      topic?.partitions.map(({ errorCode, baseOffset }) => [errorCode, baseOffset]),
    );
    expect(offsets).toEqual(
      Array.from({ length: 20 }, (_, n) => [
        [0, `${n}`],
        [0, `${n}`],
      ]),
    );
    const values = (await kafka.read('one')).map(({ value }) => value);
    expect(values).toEqual(['a', 'b'].flatMap((name) => Array.from({ length: 20 }, (_, n) => `${name}${n}`)));
    link.close();
  });

  test('closed, what is in the air rejects, and so does what comes later', async () => {
    const proxy = await startProxy(address.port);
    const link = await BrokerLink.open({ host: '127.0.0.1', port: proxy.port }, OPTIONS);
    proxy.hold();
    const waiting = produce(link, 'one', 'never answered');
    await new Promise((resolve) => setTimeout(resolve, 50));
    link.close();
    await expect(waiting).rejects.toThrow(/closed/);
    expect(link.isOpen()).toBe(false);
    await expect(produce(link, 'one', 'x')).rejects.toThrow(/closed/);
    await proxy.stop();
  });

  test('a connection that falls silent rejects after the time-out, one that is cut at once', async () => {
    const proxy = await startProxy(address.port);
    const silent = await BrokerLink.open(
      { host: '127.0.0.1', port: proxy.port },
      { ...OPTIONS, requestTimeoutMs: 300 },
    );
    proxy.hold();
    await expect(produce(silent, 'one', 'x')).rejects.toThrow(/timed out/);
    silent.close();
    proxy.release();
    const cut = await BrokerLink.open({ host: '127.0.0.1', port: proxy.port }, OPTIONS);
    proxy.hold();
    const waiting = produce(cut, 'one', 'x');
    proxy.cut();
    await expect(waiting).rejects.toThrow();
    expect(cut.isOpen()).toBe(false);
    await proxy.stop();
  });
});

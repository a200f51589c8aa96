/**
 * The process of `penstock consume`, in the order of the flow: brokers, records, blocks, ClickHouse, dead letters, and the door
 * for whoever watches it.
 */
import { retryDelayMs } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { Assembler, openCodecs } from './consume/assembler.ts';
import { Consumer } from './consume/consumer.ts';
import { DeadLetterWriter } from './consume/dead-letter-writer.ts';
import { createDecoder } from './consume/decode-native.ts';
import { Inserter } from './consume/inserter.ts';
import { LETTER_REASONS } from './consume/letter.ts';
import { startWatchDoor, type WatchDoor } from './consume/watch-door.ts';
import { Breaker, BreakerState } from './journal/breaker.ts';
import {
  CONSUME_BLOCKS_MAX,
  CONSUME_GATHERED_SHARE,
  CONSUME_REBALANCE_GRACE_SHARE,
  NATIVE_BLOCK_BYTES_MAX,
} from './limits.ts';
import type { Logger } from './log.ts';
import { ConsumerExposition, type ConsumerGauges } from './metrics/consumer-exposition.ts';
import { createClickHouseSink } from './sinks/clickhouse/clickhouse-sink.ts';
import { clickHouseSetup } from './sinks/clickhouse/setup.ts';
import { KafkaCluster } from './sinks/kafka/cluster.ts';
import { openCodec } from './sinks/kafka/codecs.ts';
import { linkOptionsOf } from './sinks/kafka/link-options.ts';
import { isTemplate } from './sinks/kafka/topic-template.ts';

/** Exit code of an end that was forced. */
const EXIT_FAILED = 1;

/** What stands in the configuration is not enough to consume. */
class ConsumeConfigError extends Error {
  override readonly name = 'ConsumeConfigError';
}

/** Consumes until SIGTERM or SIGINT, and exits 0; a second signal exits at once with 1. Rejects when it cannot begin. */
export async function runConsumer(config: Config, log: Logger): Promise<void> {
  const topics = consumedTopics(config);
  checkConsume(config);
  let end: (() => void) | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    if (end === undefined) process.exit(EXIT_FAILED);
    log.info({ signal }, 'stopping');
    end();
    end = undefined;
  };
  const { consumer, door, close } = await openConsumer(config, topics, log);
  end = () => consumer.stop();
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const { groupId } = config.consume;
  log.info({ group: groupId, topics, port: door.port, clickhouse: config.clickhouse.url }, 'consumer is up');
  await consumer.run();
  close();
  log.info('stopped');
  process.exit(0);
}

/** The topics to read. Throws ConsumeConfigError where none is named. */
export function consumedTopics({ consume, kafka }: Config): readonly string[] {
  if (consume.topics.length > 0) return [...new Set(consume.topics)];
  if (!isTemplate(kafka.topic)) return [kafka.topic];
  throw new ConsumeConfigError(
    `kafka.topic is a template (${kafka.topic}): name the topics to read in consume.topics or PENSTOCK_CONSUME_TOPICS`,
  );
}

function checkConsume({ kafka, clickhouse }: Config): void {
  if (kafka.brokers.length === 0)
    throw new ConsumeConfigError('say where Kafka is: KAFKA_BROKERS or kafka.brokers');
  if (clickhouse.url === '')
    throw new ConsumeConfigError('say where ClickHouse is: CLICKHOUSE_URL or clickhouse.url');
}

/** The dead-letter topic of a topic. */
export function deadLetterTopicOf({ consume }: Config, topic: string): string {
  return consume.deadLetterTopic.replace('{topic}', topic);
}

interface OpenConsumer {
  readonly consumer: Consumer;
  readonly door: WatchDoor;
  close(): void;
}

async function openConsumer(config: Config, topics: readonly string[], log: Logger): Promise<OpenConsumer> {
  const { consume, kafka, delivery } = config;
  const cluster = (createTopics: boolean) =>
    new KafkaCluster({ brokers: kafka.brokers, createTopics, linkOptions: () => linkOptionsOf(kafka) });
  // Topics that are read are for others to make: an empty one in the place of one that was deleted helps nobody.
  const [control, fetching, lettersTo] = [cluster(false), cluster(false), cluster(kafka.createTopics)];
  const codecs = await openCodecs((name, error) =>
    log.warn({ err: error, codec: name }, 'a codec is missing'),
  );
  const assembler = new Assembler(createDecoder(), codecs);
  // A block has one encoder for ever the same bounds, whatever is configured: a range always gives the same block.
  const setup = {
    ...clickHouseSetup(config, config.scanner !== 'reference'),
    blockBytesMax: NATIVE_BLOCK_BYTES_MAX,
  };
  const { server, events } = createClickHouseSink(setup, {
    clock: systemClock,
    logger: log,
    onUnreadable: assembler.onUnreadable,
  });
  const breaker = new Breaker({
    pauseMs: (failures) => retryDelayMs(failures),
    onChange: (state, before) => {
      if (state === BreakerState.open && before === BreakerState.closed)
        log.warn('ClickHouse takes no blocks: nothing is fetched until it does');
      else if (state === BreakerState.closed) log.info('ClickHouse takes blocks again');
    },
  });
  const target = events();
  const inserter = new Inserter({
    target,
    assembler,
    breaker,
    sendTimeoutMs: delivery.sendTimeoutMs,
    blocksMax: CONSUME_BLOCKS_MAX,
    untilKnown: async () => (server.facts() ?? (await server.look())) !== undefined,
  });
  const letterCounts = new Map<string, number>(Object.keys(LETTER_REASONS).map((reason) => [reason, 0]));
  let lostLetters = 0;
  const letters = new DeadLetterWriter({
    cluster: lettersTo,
    codec: await openCodec(kafka.compression),
    topicOf: (topic) => deadLetterTopicOf(config, topic),
    groupId: consume.groupId,
    timeoutMs: kafka.requestTimeoutMs,
    clock: systemClock,
    onLost: ({ topic, partition, offset, reason }) => {
      lostLetters += 1;
      log.error(
        { topic, partition, offset, reason },
        'the dead-letter topic refuses a record, which is left out',
      );
    },
    onFailed: (error) => consumer.trouble('dead letters', error),
  });
  const consumer: Consumer = new Consumer({
    ...consume,
    control,
    fetching,
    topics,
    graceMs: consume.rebalanceTimeoutMs * CONSUME_REBALANCE_GRACE_SHARE,
    gatheredBytesMax: config.memory.maxBytes * CONSUME_GATHERED_SHARE,
    logger: log,
    lanes: {
      target,
      assembler,
      inserter,
      clock: systemClock,
      bounds: { rowsMax: consume.flushRows, bytesMax: consume.flushBytes },
      flushIntervalMs: consume.flushIntervalMs,
      putAside: async (some, ending) => {
        const areThere = await letters.write(some, ending);
        if (!areThere) return false;
        for (const { reason } of some) letterCounts.set(reason, (letterCounts.get(reason) ?? 0) + 1);
        return true;
      },
    },
  });
  const gauges: ConsumerGauges = {
    partitions: () =>
      consumer.lanes.map(({ place, lag, progress }) => ({ ...place, lag, committedOffset: progress.offset })),
    gatheredBytes: () => consumer.lanes.reduce((sum, lane) => sum + lane.gatheredBytes, 0),
    insertedRows: () => inserter.insertedRows,
    insertedBlocks: () => inserter.blocks,
    insertFailures: () => breaker.failuresTotal,
    insertRetries: () => breaker.retriesTotal,
    breakerState: () => breaker.state,
    isPaused: () => inserter.isPaused,
    isJoined: () => consumer.state === 'consuming' || consumer.state === 'failing',
    rebalances: () => consumer.generations,
    lostOffsets: () => consumer.lostOffsets,
    deadLetters: () => letterCounts,
    lostLetters: () => lostLetters,
  };
  const exposition = new ConsumerExposition(gauges);
  const door = await startWatchDoor(consume, {
    metrics: () => exposition.text(),
    readiness: () => ({
      consumer: consumer.state,
      clickhouse: server.state(),
      breaker: (['ok', 'probing', 'away'] as const)[breaker.state],
      isReady: consumer.state === 'consuming' && server.wasOk(),
    }),
  });
  return {
    consumer,
    door,
    close: () => {
      door.close();
      server.close();
      control.close();
      fetching.close();
      lettersTo.close();
    },
  };
}

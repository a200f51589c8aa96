/**
 * Kafka as a sink of one worker thread: connections, codec and encoder that its deliveries share, and a target for each of
 * them. A delivery has a producer id of its own, so that no two of them share a sequence.
 */
import type { Clock } from '../../clock.ts';
import type { Config } from '../../config/config.ts';
import { KAFKA_CONNECT_TIMEOUT_MS, KAFKA_PLAIN_PART_BYTES_MAX, RETRY_DELAY_MS_MAX } from '../../limits.ts';
import type { BlockTarget, SinkLogger, SinkState, WorkerSink } from '../sink.ts';
import { KafkaCluster } from './cluster.ts';
import { openCodec } from './codecs.ts';
import { DeadLetterRounds } from './dead-letters.ts';
import { createKafkaTarget } from './kafka-target.ts';
import { linkOptionsOf } from './link-options.ts';
import {
  createPlainTarget,
  deadLetterPart,
  eventPart,
  type PlainTarget,
  type PlainTargetOptions,
} from './plain-target.ts';
import { BATCH_OPTIONS, createBatchEncoder } from './record-batch.ts';
import { EventRounds } from './rounds.ts';
import { SinkStatus } from './status.ts';
import { isTemplate } from './topic-template.ts';

export type KafkaOptions = Config['kafka'];

export interface KafkaSinkParts {
  readonly clock: Clock;
  readonly logger: SinkLogger;
  /** Keeps an event that Kafka refuses for its content: its line, newline included. VIEW. Throws when it cannot be kept. */
  readonly putAside: (line: Buffer) => void;
}

export interface KafkaSink extends WorkerSink {
  state(): SinkState;
  /** Records that were sent again though a broker may have had them. */
  maybeRepeatedRows(): number;
  /** Closes all connections; what is in the air stays in the journal. */
  close(): void;
}

/** Opens the sink; connections are made in the background. Rejects with CodecUnavailableError. */
export async function openKafkaSink(options: KafkaOptions, parts: KafkaSinkParts): Promise<KafkaSink> {
  const codec = await openCodec(options.compression);
  const acks = options.acks === 1 ? 1 : -1;
  const { brokers, createTopics, topic, deadLetterTopic, blockBytesMax } = options;
  const linkOptions = () => linkOptionsOf(options);
  const cluster = new KafkaCluster({ brokers, createTopics, linkOptions });
  const status = new SinkStatus(parts.clock, parts.logger);
  let maybeRepeatedRows = 0;
  let lostRows = 0;
  const plainTargets: PlainTarget[] = [];
  const shared = {
    cluster,
    codec,
    acks,
    timeoutMs: options.requestTimeoutMs,
    blockBytesMax,
    onMaybeRepeated: (records: number) => {
      maybeRepeatedRows += records;
    },
  } as const;
  const onLost = (bytes: number) => {
    lostRows += 1;
    parts.logger.error({ bytes }, 'the dead-letter topic refuses a rejected event for its content');
  };

  function events(): BlockTarget {
    if (options.client === 'plain') {
      return plain(topic, (block, from) =>
        eventPart(block, from, topic, options.key, KAFKA_PLAIN_PART_BYTES_MAX, parts.putAside),
      );
    }
    const batchBytesMax = options.batchBytesMax;
    const batchOptions = { ...BATCH_OPTIONS, keyColumns: options.key, batchBytesMax };
    const encoder = createBatchEncoder(
      { ...batchOptions, outputBytesMax: Math.max(BATCH_OPTIONS.outputBytesMax, batchBytesMax) },
      'auto',
    );
    const rounds = new EventRounds({ cluster, encoder, codec, topic, putAside: parts.putAside });
    return createKafkaTarget({ ...shared, rounds, status: status.part(topic) });
  }

  function rejected(): BlockTarget {
    if (options.client === 'plain') {
      return plain(deadLetterTopic, (block, from) =>
        deadLetterPart(block, from, deadLetterTopic, KAFKA_PLAIN_PART_BYTES_MAX),
      );
    }
    const rounds = new DeadLetterRounds({ cluster, codec, topic: deadLetterTopic, onLost });
    return createKafkaTarget({ ...shared, rounds, status: status.part(deadLetterTopic) });
  }

  function plain(name: string, part: PlainTargetOptions['part']): BlockTarget {
    const target = createPlainTarget({
      ...shared,
      brokers,
      createTopics,
      linkOptions,
      connectTimeoutMs: KAFKA_CONNECT_TIMEOUT_MS,
      part,
      status: status.part(name),
    });
    plainTargets.push(target);
    return target;
  }

  const looking = status.part(topic);
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  /** Finds the topics before there is an event for them, so that `/ready` tells what is missing. */
  async function look(): Promise<void> {
    try {
      await cluster.require(isTemplate(topic) ? [deadLetterTopic] : [topic, deadLetterTopic]);
      looking.delivered();
    } catch (error) {
      looking.failed(error);
      if (!isClosed) timer = setTimeout(look, RETRY_DELAY_MS_MAX).unref();
    }
  }
  void look();

  return {
    events,
    rejected,
    blockBytesMax,
    flushIntervalMs: options.flushIntervalMs,
    state: () => status.state,
    maybeRepeatedRows: () => maybeRepeatedRows,
    refusedRows: () => lostRows,
    writeFailures: () => 0,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      cluster.close();
      for (const target of plainTargets) target.close();
    },
  };
}

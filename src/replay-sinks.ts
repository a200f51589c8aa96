/** Sinks as `penstock journal replay` opens them: by name, with the configuration that `serve` has, and closed again. */
import { pause } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { ReplayError } from './journal/replay.ts';
import { REPLAY_STORE_START_MS_MAX } from './limits.ts';
import type { Logger } from './log.ts';
import type { SinkName } from './metrics/names.ts';
import { createEmbeddedTarget } from './sinks/embedded/embedded-target.ts';
import { startStore } from './sinks/embedded/store-process.ts';
import { jsonFormOf } from './sinks/native-block-setup.ts';
import type { BlockTarget, StreamName } from './sinks/sink.ts';

/** A sink that takes blocks. */
export interface ReplaySink {
  target(stream: StreamName): BlockTarget;
  close(): Promise<void>;
}

type OpenSink = (config: Config, log: Logger) => Promise<ReplaySink>;

/** By name, those that this version can replay to. */
export const REPLAY_SINKS: Readonly<Partial<Record<SinkName, OpenSink>>> = {
  embedded: openEmbedded,
  kafka: openKafka,
};

/** Starts the store, and waits until it takes blocks. Rejects with a ReplayError when it does not come up. */
async function openEmbedded(config: Config, log: Logger): Promise<ReplaySink> {
  const { embedded, dataDir } = config;
  // No queries are asked here, and the configured port may be another process's.
  const store = startStore({ ...embedded, port: 0, dataDir, logger: log });
  const close = () => store.stop();
  for (let waitedMs = 0; !store.ready(); waitedMs += POLL_MS) {
    if (waitedMs >= REPLAY_STORE_START_MS_MAX) {
      await close();
      throw new ReplayError(`the embedded store does not start: ${store.fault() ?? 'no sign of life'}`);
    }
    await pause(POLL_MS);
  }
  return {
    target: (stream) =>
      createEmbeddedTarget({
        address: store.address,
        stream,
        jsonForm: store.objectType && jsonFormOf(store.objectType),
        blockBytesMax: embedded.blockBytesMax,
        onUnreadable: (line) =>
          log.error({ bytes: line.length }, 'an event cannot be encoded and is left out'),
        logger: log,
      }),
    close,
  };
}

/** Brokers and topics that are away are waited for by the replay, as any sink that does not take its blocks. */
async function openKafka({ kafka }: Config, log: Logger): Promise<ReplaySink> {
  if (kafka.brokers.length === 0) throw new ReplayError('kafka.brokers is empty: say where Kafka is');
  // Loaded here because nothing else has a use for kafkajs.
  const { openKafkaSink } = await import('./sinks/kafka/kafka-sink.ts');
  const sink = await openKafkaSink(kafka, {
    clock: systemClock,
    logger: log,
    putAside: (line) => log.error({ bytes: line.length }, 'kafka refuses an event, which is left out'),
  });
  return { target: (stream) => sink[stream](), close: async () => sink.close() };
}

const POLL_MS = 50;

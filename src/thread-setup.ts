/** What the worker threads are told at their start (worker-setup.ts), out of the configuration and the stages before them. */
import { digestedApps } from './admission/apps.ts';
import type { Admission } from './admission-setup.ts';
import type { Config } from './config/config.ts';
import { redisThreadOptions } from './dedup-setup.ts';
import type { JournalFolder } from './journal/folder.ts';
import { JOURNAL_SPARE_SHARE } from './limits.ts';
import type { FrontMeter } from './metrics/front-meter.ts';
import type { RedisAddress } from './redis/address.ts';
import { claimPrivacyOf } from './scan/claim-privacy.ts';
import { clickHouseSetup } from './sinks/clickhouse/setup.ts';
import type { Store } from './sinks/embedded/store-process.ts';
import { jsonFormOf } from './sinks/native-block-setup.ts';
import type { WorkerSetup } from './worker-setup.ts';

export interface ThreadParts {
  readonly counterMemory: SharedArrayBuffer;
  readonly progressMemory: SharedArrayBuffer;
  readonly meter: FrontMeter;
  readonly admission: Admission;
  /** Name of the scanner that they will make. */
  readonly scanner: string;
  readonly journal: JournalFolder;
  readonly dedup: WorkerSetup['dedup'];
  readonly redis: RedisAddress | undefined;
  readonly store: Store | undefined;
}

/** The same for every thread; bounds are shared out among them. */
export function threadSetup(config: Config, parts: ThreadParts): WorkerSetup {
  const { admission, meter, redis } = parts;
  return {
    logLevel: config.log.level,
    counterMemory: parts.counterMemory,
    statisticsMemory: meter.memory,
    trafficLabels: meter.labels,
    progressMemory: parts.progressMemory,
    sessions: config.sessions,
    ingest: {
      digestedApps: digestedApps(config.apps),
      keyMemory: admission.keyMemory,
      limitMemory: admission.limitMemory,
      batchEventsMax: config.limits.batchEventsMax,
      bodyBytesMax: config.limits.bodyBytesMax,
      scanner: config.scanner,
      claimPrivacy: claimPrivacyOf(config.privacy),
    },
    journal: journalSetup(config, parts.journal),
    dedup: parts.dedup,
    redis: redis && redisThreadOptions(config, redis),
    ...sinkSetups(config, parts),
  };
}

function journalSetup(config: Config, { dir, node, left }: JournalFolder): WorkerSetup['journal'] {
  const { journal, workers } = config;
  const isKept = journal.durability !== 'memory';
  return {
    dir,
    node,
    left,
    sendTimeoutMs: config.delivery.sendTimeoutMs,
    durability: journal.durability,
    segmentBytes: journal.segmentBytes,
    compression: journal.compression,
    memoryBytes: Math.floor(config.memory.maxBytes / workers),
    retentionMs: isKept ? journal.retentionMs : 0,
    retentionBytes: Math.floor(journal.retentionBytes / workers),
    spareBytes: isKept ? Math.floor((journal.maxBytes * JOURNAL_SPARE_SHARE) / workers) : 0,
  };
}

function sinkSetups(
  config: Config,
  { scanner, store }: ThreadParts,
): Pick<WorkerSetup, 'embedded' | 'kafka' | 'clickhouse'> {
  const isNative = scanner === 'native';
  return {
    embedded: store && {
      address: store.address,
      blockBytesMax: config.embedded.blockBytesMax,
      flushIntervalMs: config.embedded.flushIntervalMs,
      // Lines where the type is not known.
      jsonForm: isNative ? store.objectType && jsonFormOf(store.objectType) : undefined,
    },
    kafka: config.kafka.brokers.length > 0 ? config.kafka : undefined,
    clickhouse: config.clickhouse.url === '' ? undefined : clickHouseSetup(config, isNative),
  };
}

/** `penstock serve`: starts the appliance, says what it is, and ends it on a signal. */
import { type Appliance, type ApplianceParts, startAppliance } from './appliance.ts';
import { printBanner, type StartFacts } from './banner.ts';
import type { Config } from './config/config.ts';
import { collectOldHeapRarely } from './heap.ts';
import type { Logger } from './log.ts';
import { scannerName } from './scan/scanner.ts';
import { VERSION } from './version.ts';

/** Exit code of an end that was forced, or that left something behind. */
const EXIT_FAILED = 1;

/**
 * Serves until SIGTERM or SIGINT, drains, exits 0; a second signal exits at once with 1, and the journal keeps what was
 * acknowledged. When no worker thread can be started any more it drains too and exits 1, so that whatever supervises it
 * starts it anew.
 */
export async function serve(config: Config, log: Logger, parts: ApplianceParts = {}): Promise<void> {
  collectOldHeapRarely();
  const end = new End(log);
  const onDead = () => {
    log.fatal('no worker thread can be started');
    end.begin(EXIT_FAILED);
  };
  const onSignal = (signal: NodeJS.Signals) => {
    log.info({ signal }, 'stopping');
    end.begin(0);
  };
  // Before anything is started: the first process of a container gets no signal that it has no handler for.
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  const appliance = await startAppliance(config, log, { onDead, ...parts });
  end.appliance = appliance;
  printBanner(factsOf(config, appliance), process.stdout, log);
}

/** The end of the process, which may be asked for more than once. */
class End {
  appliance: Appliance | undefined;
  readonly #log: Logger;
  #begun = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Drains and exits; asked for again, or before there is anything to drain, exits at once. */
  begin(exitCode: number): void {
    if (this.#begun || this.appliance === undefined) {
      this.#log.warn('leaving at once');
      process.exit(EXIT_FAILED);
    }
    this.#begun = true;
    void this.appliance.stop().then((left) => {
      if (left.length > 0) this.#log.error({ left }, 'stopped, but not all was delivered');
      else this.#log.info('stopped');
      process.exit(left.length > 0 ? EXIT_FAILED : exitCode);
    });
  }
}

function factsOf(config: Config, appliance: Appliance): StartFacts {
  const { host } = config.http;
  const { enabled, port } = config.embedded;
  return {
    version: VERSION,
    node: process.versions.node,
    listen: [`http://${host}:${appliance.port}`, `ws://${host}:${appliance.port}/v1/stream`],
    sinks: [
      ...(enabled ? ['embedded ClickHouse'] : []),
      ...(config.kafka.brokers.length > 0 ? [`Kafka at ${config.kafka.brokers.join(', ')}`] : []),
      ...(config.clickhouse.url === '' ? [] : [`ClickHouse at ${config.clickhouse.url}`]),
    ],
    scanner: scannerName(config.scanner),
    workers: config.workers,
    apps: appliance.apps(),
    dataDir: config.dataDir,
    // The store comes up later and logs the port that it got.
    query: enabled ? `http://127.0.0.1:${port === 0 ? '(any free port)' : port}` : undefined,
    memoryBytesMax: config.memory.maxBytes,
  };
}

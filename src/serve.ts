/** `penstock serve`: starts the appliance, says what it is, and ends it on a signal. */
import { type Appliance, type ApplianceParts, startAppliance } from './appliance.ts';
import { printBanner } from './banner.ts';
import type { Config } from './config/config.ts';
import type { Logger } from './log.ts';
import { SCANNER_NAME } from './scan/scanner.ts';
import { VERSION } from './version.ts';

/** Exit codes: a forced end, and a drain that left something behind, are not successes. */
const EXIT_FORCED = 1;
const EXIT_LEFT_BEHIND = 1;

/** Serves until SIGTERM or SIGINT, drains, exits 0; a second signal exits at once. */
export async function serve(config: Config, log: Logger, parts: ApplianceParts = {}): Promise<void> {
  const onDead = () => {
    log.fatal('no worker thread can be started');
    process.exit(EXIT_FORCED);
  };
  const appliance = await startAppliance(config, log, { onDead, ...parts });
  printBanner(
    {
      version: VERSION,
      node: process.versions.node,
      listen: [
        `http://${config.http.host}:${appliance.port}`,
        `ws://${config.http.host}:${appliance.port}/v1/stream`,
      ],
      sinks: config.embedded.enabled ? ['embedded ClickHouse'] : [],
      scanner: SCANNER_NAME,
      workers: config.workers,
      apps: config.apps.length === 0 ? 'open mode' : config.apps.length,
      dataDir: config.dataDir,
      query: config.embedded.enabled ? `http://127.0.0.1:${config.embedded.port}` : undefined,
      memoryBytesMax: config.memory.maxBytes,
    },
    process.stdout,
    log,
  );
  endOnSignal(appliance, log);
}

function endOnSignal(appliance: Appliance, log: Logger): void {
  let ending = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (ending) {
      log.warn({ signal }, 'second signal: leaving at once');
      process.exit(EXIT_FORCED);
    }
    ending = true;
    log.info({ signal }, 'stopping');
    void appliance.stop().then((left) => {
      if (left.length > 0) log.error({ left }, 'stopped, but not all was delivered');
      else log.info('stopped');
      process.exit(left.length > 0 ? EXIT_LEFT_BEHIND : 0);
    });
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

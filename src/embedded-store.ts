import type { Config } from './config/config.ts';
import type { Logger } from './log.ts';
import { type Store, startStore } from './sinks/embedded/store-process.ts';

/** Starts the store and logs each time it comes up, with the port of its query door. */
export function startEmbeddedStore(config: Config, log: Logger): Store {
  const { embedded, dataDir } = config;
  const store = startStore({
    dataDir,
    port: embedded.port,
    ttlDays: embedded.ttlDays,
    rejectedTtlDays: embedded.rejectedTtlDays,
    objectType: embedded.objectType,
    queryResultBytesMax: embedded.queryResultBytesMax,
    logger: log,
  });
  let wasUp = false;
  store.onChange(() => {
    const isUp = store.ready() && store.queryPort() !== undefined;
    if (isUp && !wasUp) log.info({ queryPort: store.queryPort(), restarts: store.restarts() }, 'store is up');
    wasUp = isUp;
  });
  return store;
}

/** Entry for pages, and for workers of pages. */
import { createPenstock, type Penstock } from './client.ts';
import { pageSurroundings } from './context-browser.ts';
import { globalPlatform } from './global-platform.ts';
import { PAGE_BATCH_BYTES_MAX } from './limits.ts';
import type { Options } from './options.ts';
import type { KeyValue } from './platform.ts';
import { hasIndexedDb, indexedDbStorage } from './storage-indexeddb.ts';
import { memoryKeyValue, memoryStorage } from './storage-memory.ts';

export type { ClientError, ErrorCode, EventFields, Options, Stats } from './options.ts';
export type { Penstock };

/** A client of this page. Make one, and keep it. */
export function createClient(options: Options): Penstock {
  const name = `penstock ${options.key ?? options.appId ?? ''} ${options.url}`;
  const common = globalPlatform(options);
  const isKept = options.storage !== 'memory';
  return createPenstock(options, {
    ...common,
    surroundings: pageSurroundings,
    storage: isKept && hasIndexedDb() ? indexedDbStorage(name, common) : memoryStorage(),
    keyValue: isKept ? localKeyValue(name) : memoryKeyValue(),
    batchBytesMax: PAGE_BATCH_BYTES_MAX,
    beacon: (url, body) => navigator.sendBeacon?.(url, body) ?? false,
    watch: watchPage,
  });
}

/** Workers have no localStorage; where it is forbidden, even to look at it throws. */
function localKeyValue(prefix: string): KeyValue {
  const memory = memoryKeyValue();
  const tried = (act: () => string | undefined) => {
    try {
      return act();
    } catch {
      return undefined;
    }
  };
  return {
    get: (name) => memory.get(name) ?? tried(() => localStorage.getItem(`${prefix} ${name}`) || undefined),
    set: (name, value) => {
      const isKept = tried(() => {
        localStorage.setItem(`${prefix} ${name}`, value ?? '');
        return '';
      });
      memory.set(name, isKept === undefined ? value : undefined);
    },
  };
}

function watchPage(left: () => void, online: () => void): () => void {
  // On phones a page that is hidden may never be heard of again.
  const hidden = () => {
    if (document.visibilityState === 'hidden') left();
  };
  const stop = new AbortController();
  addEventListener('pagehide', left, stop);
  addEventListener('online', online, stop);
  if (typeof document === 'object') document.addEventListener('visibilitychange', hidden, stop);
  return () => stop.abort();
}

/** Entry for workers and every other place with `fetch`: events wait in memory. */
import { createPenstock, type Penstock } from './client.ts';
import { globalPlatform } from './global-platform.ts';
import { PAGE_BATCH_BYTES_MAX } from './limits.ts';
import type { Options } from './options.ts';
import { memoryKeyValue, memoryStorage } from './storage-memory.ts';

export type { ClientError, ErrorCode, EventFields, Options, Stats } from './options.ts';
export type { Penstock };

/** A client of this place. `close` it before the place ends. */
export function createClient(options: Options): Penstock {
  return createPenstock(options, {
    ...globalPlatform(options),
    surroundings: {
      platform: 'worker',
      hasVisits: false,
      context: () => undefined,
      campaign: () => undefined,
    },
    storage: memoryStorage(),
    keyValue: memoryKeyValue(),
    batchBytesMax: PAGE_BATCH_BYTES_MAX,
  });
}

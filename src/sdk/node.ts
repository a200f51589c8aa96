/** Entry for Node. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { createPenstock, type Penstock } from './client.ts';
import { globalPlatform } from './global-platform.ts';
import { BATCH_BYTES_MAX } from './limits.ts';
import type { Options } from './options.ts';
import type { KeyValue } from './platform.ts';
import { fileStorage } from './storage-file.ts';
import { memoryKeyValue, memoryStorage } from './storage-memory.ts';
import { createUuid } from './uuid.ts';

export type { ClientError, ErrorCode, EventFields, Options, Stats } from './options.ts';
export type { Penstock };

/** A client of this process. Make one, and `close` it before the process ends. */
export function createClient(options: Options): Penstock {
  const common = globalPlatform(options);
  const { queueDir } = options;
  const createId = () => createUuid(common);
  const nowSeconds = common.nowMs() / 1000;
  return createPenstock(options, {
    ...common,
    surroundings: {
      platform: 'server',
      hasVisits: false,
      context: () => undefined,
      campaign: () => undefined,
    },
    storage:
      queueDir === undefined
        ? memoryStorage()
        : fileStorage(queueDir, {
            pid: process.pid,
            startSeconds: Math.round(nowSeconds - process.uptime()),
            bootSeconds: Math.round(nowSeconds - uptime()),
            isAlive,
            nowMs: common.nowMs,
            createId,
          }),
    keyValue: queueDir === undefined ? memoryKeyValue() : folderKeyValue(queueDir),
    batchBytesMax: BATCH_BYTES_MAX,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A small file each. */
function folderKeyValue(dir: string): KeyValue {
  const memory = memoryKeyValue();
  return {
    get: (name) => {
      try {
        if (memory.get(name) === undefined)
          memory.set(name, readFileSync(join(dir, name), 'utf8') || undefined);
      } catch {
        // It was never set.
      }
      return memory.get(name);
    },
    set: (name, value) => {
      memory.set(name, value);
      try {
        mkdirSync(dir, { recursive: true });
        writeFileSync(join(dir, name), value ?? '');
      } catch {
        // Known for as long as the process lives.
      }
    },
  };
}

/** Opens the backend of a sink: for most sinks only folders. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../at-exit.ts';
import { openClickHouse } from './clickhouse.ts';
import { openKafka } from './kafka.ts';
import type { Backend, SinkName } from './place.ts';

/** Rejects with Unavailable where the server cannot be had. `stop` deletes all of it. */
export async function openBackend(sink: SinkName): Promise<Backend> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const keep = atExit(remove);
  const removeNow = () => {
    keep();
    remove();
  };
  try {
    const backend = await open(sink, folder);
    return {
      ...backend,
      stop: async () => {
        await backend.stop();
        removeNow();
      },
    };
  } catch (error) {
    removeNow();
    throw error;
  }
}

async function open(sink: SinkName, folder: string): Promise<Backend> {
  if (sink === 'clickhouse') return openClickHouse(folder);
  if (sink === 'kafka') return openKafka(folder);
  return {
    about: sink === 'none' ? 'nowhere' : `folders in ${tmpdir()}`,
    pids: [],
    place: async (owner) => ({ sink, env: {}, folder: mkdtempSync(join(folder, `${owner}-`)) }),
    stop: async () => {},
  };
}

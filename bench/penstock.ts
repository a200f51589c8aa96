/** Penstock as the bench starts it: keys, a port and a data directory of its own, and what a scenario wants otherwise. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BENCH_KEY } from './load.ts';
import type { Place } from './places/place.ts';
import { MAIN, type ServerProcess, startServer } from './process.ts';

/** The appliance without a sink. */
const SINKLESS = fileURLToPath(new URL('./sinkless-server.js', import.meta.url));

/** What a scenario configures (config/penstock.yaml). */
export interface PenstockOptions {
  readonly durability?: 'memory' | 'os' | 'fsync';
  readonly objectType?: 'JSON' | 'String';
  /** Where events end; by default in the embedded store, with a folder that is deleted at the end. */
  readonly place?: Place;
}

/** Starts Penstock and waits until it is ready. `stop` also deletes its data, unless the place has the folder. */
export async function startPenstock(options: PenstockOptions = {}): Promise<ServerProcess> {
  const server = await launchPenstock(options);
  while (!(await fetch(`${server.url}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  return server;
}

/** Starts Penstock; it listens, and may not be ready. */
export async function launchPenstock({
  durability = 'os',
  objectType = 'JSON',
  place,
}: PenstockOptions = {}): Promise<ServerProcess> {
  const folder = place?.folder ?? mkdtempSync(join(tmpdir(), 'penstock-bench-'));
  const sink = place?.sink ?? 'embedded';
  const isSinkless = sink === 'none' || sink === 'journal';
  const config = join(folder, 'penstock.yaml');
  const lasts = sink === 'none' ? 'memory' : durability;
  writeFileSync(config, `journal:\n  durability: ${lasts}\nembedded:\n  object_type: ${objectType}\n`);
  const server = await startServer(isSinkless ? SINKLESS : MAIN, isSinkless ? [] : ['serve'], {
    // Of the shell that the bench runs in.
    CLICKHOUSE_URL: '',
    KAFKA_BROKERS: '',
    ...place?.env,
    PORT: '0',
    PENSTOCK_CONFIG: config,
    PENSTOCK_DATA_DIR: join(folder, 'data'),
    PENSTOCK_EMBEDDED_PORT: '0',
    PENSTOCK_LOG_LEVEL: 'info',
    PENSTOCK_KEYS: `bench=${BENCH_KEY}`,
  });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      if (place === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

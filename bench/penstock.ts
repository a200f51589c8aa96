/** Penstock as the bench starts it: keys, a port and a data directory of its own, and what a scenario wants otherwise. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BENCH_KEY } from './load.ts';
import { type ServerProcess, startServer } from './process.ts';

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url));

/** What a scenario configures (config/penstock.yaml). */
export interface PenstockOptions {
  readonly durability?: 'memory' | 'os' | 'fsync';
  readonly objectType?: 'JSON' | 'String';
}

/** Starts Penstock and waits until it is ready. `stop` also deletes its data. */
export async function startPenstock(options: PenstockOptions = {}): Promise<ServerProcess> {
  const server = await launchPenstock(options);
  while (!(await fetch(`${server.url}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  return server;
}

/** Starts Penstock; it listens, and may not be ready. */
export async function launchPenstock({
  durability = 'os',
  objectType = 'JSON',
}: PenstockOptions = {}): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
  const config = join(folder, 'penstock.yaml');
  writeFileSync(config, `journal:\n  durability: ${durability}\nembedded:\n  object_type: ${objectType}\n`);
  const server = await startServer(MAIN, ['serve'], {
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
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

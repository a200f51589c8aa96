/** Penstock as the bench starts it: keys, a port and a data directory of its own, and what a scenario wants otherwise. */
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE_ARGUMENTS } from '../src/heap.ts';
import { BENCH_KEY } from './load.ts';
import { REJECTED } from './places/kafka.ts';
import type { Place } from './places/place.ts';
import { MAIN, type ServerProcess, startServer } from './process.ts';

/** The appliance without a sink. */
const SINKLESS = fileURLToPath(new URL('./sinkless-server.js', import.meta.url));

const READY_TIMEOUT_MS = 60_000;
const READY_INTERVAL_MS = 20;

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
  const endMs = performance.now() + READY_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${server.url}/ready`);
    if (answer.ok) return server;
    if (performance.now() > endMs) {
      await server.stop();
      throw new Error(`Penstock is not ready: ${await answer.text()}`);
    }
    await sleep(READY_INTERVAL_MS);
  }
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
  // What goes nowhere stays: a gigabyte in 25 s of 100,000 events/s.
  const memory = sink === 'none' ? `memory:\n  max_bytes: ${Math.floor(freemem() / 2)}\n` : '';
  // What no sink takes stays, too: the rounds of a scenario fill the 8 GiB of a journal as it comes, and then are refused.
  const journalBytesMax = sink === 'journal' ? `  max_bytes: ${Math.floor(freeBytes(folder) / 2)}\n` : '';
  const topic = place?.env['KAFKA_TOPIC'];
  const kafka = topic === undefined ? '' : `kafka:\n  dead_letter_topic: ${topic}${REJECTED}\n`;
  writeFileSync(
    config,
    `journal:\n  durability: ${lasts}\n${journalBytesMax}embedded:\n  object_type: ${objectType}\n${kafka}${memory}`,
  );
  const script = isSinkless ? SINKLESS : MAIN;
  const env = {
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
  };
  const server = await startServer(script, isSinkless ? [] : ['serve'], env, { nodeArgs: NODE_ARGUMENTS });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      if (place === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Bytes that the disk of `folder` has left. */
function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/**
 * How fast the embedded store takes block files: the real store process, its real tables, blocks of 434-byte
 * events at the size that a worker sends. `node dist/bench/store.js [seconds per case]`
 *
 * Every case checks that each row arrived once before its figure is printed.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { BLOCK_BYTES_MAX, RETRY_DELAY_MS_MIN } from '../src/limits.ts';
import { blockFileName, spoolDir } from '../src/sinks/embedded/protocol.ts';
import { createStoreClient } from '../src/sinks/embedded/store-client.ts';
import { type Store, startStore } from '../src/sinks/embedded/store-process.ts';

const secondsPerCase = Number(process.argv[2] ?? 6);
const EVENT_BYTES = 434;
/** A block's bytes by sender, used again for each of its blocks. */
const templates = new Map<number, Buffer>();
const EVENT_TYPES = ['page_view', 'click', 'purchase', 'signup', 'level_up'];

console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, block ${BLOCK_BYTES_MAX} bytes`,
);
for (const objectType of ['JSON', 'String'] as const) {
  for (const senders of [1, 2]) await measure(objectType, senders);
}

async function measure(objectType: 'JSON' | 'String', senders: number): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'penstock-bench-'));
  const logger = { info() {}, warn: console.warn, error: console.error };
  const store = startStore({
    dataDir,
    port: 0,
    ttlDays: 3650,
    rejectedTtlDays: 1,
    objectType,
    queryResultBytesMax: 1e7,
    logger,
  });
  try {
    while (!store.ready() || store.queryPort() === undefined)
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS_MIN));
    const rowsPerBlock = Math.floor(BLOCK_BYTES_MAX / EVENT_BYTES);
    // One block first: the engine's own start is not what is measured.
    await send(store, 0, 0, rowsPerBlock);
    const cpuBefore = cpuSeconds(store);
    const started = performance.now();
    const end = started + secondsPerCase * 1000;
    const blocks = await Promise.all(
      Array.from({ length: senders }, async (_, sender) => {
        let sent = 0;
        while (performance.now() < end) await send(store, sender + 1, sent++, rowsPerBlock);
        return sent;
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    const cpu = cpuSeconds(store) - cpuBefore;
    const rows = blocks.reduce((sum, count) => sum + count, 0) * rowsPerBlock;
    await verify(store, rows + rowsPerBlock);
    console.log(
      `${objectType.padEnd(6)} columns, ${senders} sender${senders > 1 ? 's' : ' '}: ${Math.round(rows / seconds / 1000)} k rows/s, ${Math.round((rows * EVENT_BYTES) / seconds / 1e6)} MB/s; ${Math.round(rows / cpu / 1000)} k rows per CPU second of the store`,
    );
  } finally {
    await store.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What the store process has used; clock ticks of Linux are 10 ms. */
function cpuSeconds(store: Store): number {
  const fields = readFileSync(`/proc/${store.pid()}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Writing the block is a part of the work, as it is for a worker thread. */
async function send(store: Store, sender: number, sequence: number, rows: number): Promise<void> {
  const client = createStoreClient(store.address.socketPath);
  const file = blockFileName(store.address.startId, sender, sequence, 'jsonl');
  writeFileSync(join(spoolDir(store.address.storeDir), file), block(sender, sequence, rows));
  const reply = await client.insert(file);
  client.close();
  if (reply.outcome !== 'inserted') throw new Error(reply.message);
}

/** The same rows with other ids: the ids' 12 digits are overwritten in place. */
function block(sender: number, sequence: number, rows: number): Buffer {
  const bytes = templates.get(sender) ?? Buffer.concat(Array.from({ length: rows }, (_, row) => event(row)));
  templates.set(sender, bytes);
  const prefix = String(sender * 1000 + sequence).padStart(6, '0');
  for (let at = '{"event_id":"'.length; at < bytes.length; at += EVENT_BYTES)
    bytes.write(prefix, at, 'latin1');
  return bytes;
}

function event(row: number): Buffer {
  const head = `{"event_id":"000000-${String(row).padStart(8, '0')}","event_type":"${EVENT_TYPES[row % 5]}","app_id":"shop","device_id":"dev-${String((row * 7919) % 50_000).padStart(5, '0')}","session_id":"s-${row % 9000}","timestamp":"2026-11-20T${String(row % 24).padStart(2, '0')}:00:00.${String(row % 1000).padStart(3, '0')}Z","platform":"ios","app_version":"3.2.${row % 10}","event_data":{"price":${(row % 1000) / 10},"sku":"sku-${row % 500}","qty":${row % 5}},"context":{"locale":"en_US","screen":{"w":390,"h":844}},"ip":"203.0.113.${row % 255}","user_agent":"`;
  const tail = '","received_at":"2026-11-20T13:00:00.123Z","dialect":"penstock","transport":"http"}\n';
  return Buffer.from(head + 'x'.repeat(EVENT_BYTES - head.length - tail.length) + tail);
}

async function verify(store: Store, rows: number): Promise<void> {
  const query = encodeURIComponent('SELECT count(), uniqExact(event_id) FROM events FORMAT CSV');
  const found = (await (await fetch(`http://127.0.0.1:${store.queryPort()}/?query=${query}`)).text()).trim();
  if (found !== `${rows},${rows}`) throw new Error(`expected ${rows} rows once, found ${found}`);
}

/**
 * What the embedded store pays for a block file in each form: the real store process, its real tables, events of the
 * medium corpus (434 bytes as sent, about 650 as lines), blocks as large as a worker makes them.
 *
 *   node dist/bench/store.js [seconds per case]
 *
 * What counts is the store's CPU time a row: it yields the cores to the front, so that its speed by the clock says what
 * else ran. Merges wait while blocks do (merge-governor.ts), so that little of them is in it; what they cost afterwards is
 * printed as well. Every case checks that each row arrived once.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX, RETRY_DELAY_MS_MIN } from '../src/limits.ts';
import { blockFileName, spoolDir } from '../src/sinks/embedded/protocol.ts';
import { createStoreClient } from '../src/sinks/embedded/store-client.ts';
import { type Store, startStore } from '../src/sinks/embedded/store-process.ts';
import { createNativeBlockEncoder } from '../src/sinks/native-block.ts';
import type { JsonForm } from '../src/sinks/native-block-setup.ts';
import { positive } from './positive.ts';
import { createLineSource } from './store-lines.ts';

const [secondsPerCase] = new Command('node dist/bench/store.js')
  .description('What the embedded store pays for a block in each form.')
  .argument('[seconds]', 'of a case', positive, 6)
  .parse().processedArgs as [number];
const CASES: readonly (readonly [objectType: 'JSON' | 'String', form: JsonForm | 'lines'])[] = [
  ['JSON', 'lines'],
  ['JSON', 'text'],
  ['JSON', 'paths'],
  ['String', 'lines'],
  ['String', 'string'],
];

console.log(
  `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, block ${BLOCK_BYTES_MAX} bytes`,
);
const nextLines = createLineSource();
for (const [objectType, form] of CASES) await measure(objectType, form);

async function measure(objectType: 'JSON' | 'String', form: JsonForm | 'lines'): Promise<void> {
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
    const makeBlock = createBlockSource(form);
    // One block first: the engine's own start is not what is measured.
    const before = await send(store, form, 0, makeBlock());
    const cpuBefore = cpuSeconds(store);
    const started = performance.now();
    let rows = 0;
    let bytes = 0;
    // The next block is made while one is inserted, as a worker does.
    let next = makeBlock();
    for (let sequence = 1; performance.now() - started < secondsPerCase * 1000; sequence++) {
      const inserting = send(store, form, sequence, next);
      bytes += next.bytes.length;
      next = makeBlock();
      rows += await inserting;
    }
    const seconds = (performance.now() - started) / 1000;
    const cpu = cpuSeconds(store) - cpuBefore;
    await verify(store, rows + before);
    const merging = await mergesCpuSeconds(store);
    console.log(
      `${objectType.padEnd(6)} columns, blocks of ${form.padEnd(6)}: ${((cpu / rows) * 1e6).toFixed(1)} CPU s a million rows and ${((merging / rows) * 1e6).toFixed(1)} of merges later, ${Math.round(rows / seconds / 1000)} k rows/s, ${Math.round(bytes / rows)} bytes a row, ${block(rows, bytes)}`,
    );
  } finally {
    await store.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

function block(rows: number, bytes: number): string {
  return `${Math.round((rows / bytes) * BLOCK_BYTES_MAX)} rows a block`;
}

interface BlockFile {
  readonly bytes: Buffer;
  readonly rows: number;
}

/** Blocks as long as a worker's, with other ids each. */
function createBlockSource(form: JsonForm | 'lines'): () => BlockFile {
  if (form === 'lines') return () => nextLines(BLOCK_BYTES_MAX);
  const bounds = { bytesMax: BLOCK_BYTES_MAX, rowsMax: NATIVE_BLOCK_ROWS_MAX };
  const encoder = createNativeBlockEncoder({ jsonForm: form, ...bounds });
  if (encoder === undefined) throw new Error('the addon is not built: npm run build');
  return () => {
    while (!encoder.isFull()) encoder.append(nextLines(BLOCK_BYTES_MAX / 8).bytes);
    const rows = encoder.rows();
    const pieces: Buffer[] = [];
    const length = encoder.take(() => {
      const piece = Buffer.allocUnsafeSlow(1024 * 1024);
      pieces.push(piece);
      return piece;
    });
    return { bytes: Buffer.concat(pieces).subarray(0, length), rows };
  };
}

/** What the store process has used; clock ticks of Linux are 10 ms. */
function cpuSeconds(store: Store): number {
  const fields = readFileSync(`/proc/${store.pid()}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** CPU seconds until the engine has used next to none for two seconds: it merges what has gathered. */
async function mergesCpuSeconds(store: Store): Promise<number> {
  const startedAt = cpuSeconds(store);
  for (let before = -1, now = startedAt; now - before > 0.2; ) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    now = cpuSeconds(store);
  }
  return cpuSeconds(store) - startedAt;
}

async function send(store: Store, form: string, sequence: number, file: BlockFile): Promise<number> {
  const client = createStoreClient(store.address.socketPath);
  const name = blockFileName(`${store.address.startId}-0-${sequence}`, form === 'lines' ? 'jsonl' : 'native');
  writeFileSync(join(spoolDir(store.address.storeDir), name), file.bytes);
  const reply = await client.insert(name);
  client.close();
  if (reply.outcome !== 'inserted') throw new Error(reply.message);
  return file.rows;
}

async function verify(store: Store, rows: number): Promise<void> {
  const query = encodeURIComponent('SELECT count(), uniqExact(event_id) FROM events FORMAT CSV');
  const found = (await (await fetch(`http://127.0.0.1:${store.queryPort()}/?query=${query}`)).text()).trim();
  if (found !== `${rows},${rows}`) throw new Error(`expected ${rows} rows once, found ${found}`);
}

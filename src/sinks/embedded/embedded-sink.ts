/**
 * The embedded store's sink, one per worker thread: gathers rows into blocks, writes each as a file, and asks the
 * store process to insert the files, one at a time, in order.
 *
 *   append ─▶ open block ─(full, or flushIntervalMs old)─▶ sealed blocks ─(file)─▶ spooled files ─(inserted)─▶ delivered
 *             memory                                        memory                 disk
 *
 * The disk may refuse (full, gone) and the store may be away: the rows then stay where they are, and both are
 * tried again with growing pauses. Files beyond this thread's share of `spoolBytesMax`, or beyond what others'
 * files leave of it, are not written, so that memory fills, `pendingBytes` grows and admission refuses. Work is per block; every timer and the socket are
 * unref'd, and the file system is used asynchronously, since scans own this thread's event loop.
 */
import { systemClock } from '../../clock.ts';
import { NATIVE_BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX, SPOOL_LOOK_INTERVAL_MS } from '../../limits.ts';
import { createNativeBlockEncoder } from '../native-block.ts';
import type { JsonForm } from '../native-block-setup.ts';
import type { Sink } from '../sink.ts';
import { createBackoff, pause } from './backoff.ts';
import {
  appendToBlock,
  type Block,
  createBlock,
  createChunkPool,
  releaseBlock,
  takeNativeBlock,
} from './block.ts';
import {
  BLOCK_KINDS,
  type BlockKind,
  blockFileName,
  type StoreAddress,
  type StoreLogger,
} from './protocol.ts';
import { writeBlockFile } from './spool.ts';
import { createSpoolOthers } from './spool-others.ts';
import { createStoreClient } from './store-client.ts';

export interface EmbeddedSinkOptions {
  readonly address: StoreAddress;
  /** Number of this thread, different from every other thread's of this process. */
  readonly thread: number;
  /** How many threads share `spoolBytesMax`. */
  readonly threadCount: number;
  readonly blockBytesMax: number;
  readonly flushIntervalMs: number;
  readonly spoolBytesMax: number;
  /** What Native blocks hold in object columns; undefined writes lines, as does a build without the addon. */
  readonly jsonForm: JsonForm | undefined;
  readonly logger: StoreLogger;
}

export interface EmbeddedSink extends Sink {
  /** Lets go of the socket and the timers; what is not delivered stays as it is. For tests and thread ends. */
  close(): void;
}

interface SpooledFile {
  readonly file: string;
  readonly bytes: number;
  readonly rows: number;
}

/** Makes the sink; nothing is opened before the first row. */
export function createEmbeddedSink(options: EmbeddedSinkOptions): EmbeddedSink {
  const { address, logger } = options;
  const spoolShareBytes = Math.floor(options.spoolBytesMax / options.threadCount);
  const ownPrefix = `${address.startId}-${options.thread}-`;
  const others = createSpoolOthers(address.storeDir, ownPrefix, systemClock);
  const pool = createChunkPool();
  const client = createStoreClient(address.socketPath);
  const writeBackoff = createBackoff();
  const insertBackoff = createBackoff();
  const { blockBytesMax, jsonForm } = options;
  const encoder =
    jsonForm === undefined
      ? undefined
      : createNativeBlockEncoder({
          jsonForm,
          bytesMax: Math.min(blockBytesMax, NATIVE_BLOCK_BYTES_MAX),
          rowsMax: NATIVE_BLOCK_ROWS_MAX,
        });
  const open: Record<Exclude<BlockKind, 'native'>, Block> = {
    jsonl: createBlock('jsonl'),
    'rejected.bin': createBlock('rejected.bin'),
  };
  const sealed: Block[] = [];
  const spooled: SpooledFile[] = [];
  const drainWaits = new Set<() => void>();
  let flushTimer: NodeJS.Timeout | undefined;
  let sequence = 0;
  let memoryBytes = 0;
  let spoolBytes = 0;
  let deliveredRows = 0;
  let refusedRows = 0;
  let writeFailures = 0;
  let writing = false;
  let sending = false;
  let draining = false;
  let closed = false;

  /** Into the encoder; what that cannot read, which no scanner writes, goes on as lines, for the store to move aside. */
  function encode(lines: Uint8Array, rows: number): void {
    if (encoder === undefined) {
      gather('jsonl', lines, rows);
      return;
    }
    let from = 0;
    let left = rows;
    while (from < lines.length) {
      const [rowsBefore, bytesBefore] = [encoder.rows(), encoder.bytes()];
      from += encoder.append(from === 0 ? lines : lines.subarray(from));
      left -= encoder.rows() - rowsBefore;
      memoryBytes += encoder.bytes() - bytesBefore;
      if (encoder.isFull()) seal('native');
      else if (from < lines.length) {
        gather('jsonl', lines.subarray(from), left);
        break;
      }
    }
    sealOrWait('native', false);
  }

  function gather(kind: Exclude<BlockKind, 'native'>, bytes: Uint8Array, rows: number): void {
    if (bytes.length === 0) return;
    const block = open[kind];
    appendToBlock(block, pool, bytes, rows);
    memoryBytes += bytes.length;
    sealOrWait(kind, block.bytes >= blockBytesMax);
  }

  function sealOrWait(kind: BlockKind, isFull: boolean): void {
    // Behind a drain comes no other: what is still appended goes out while the process lives.
    if (draining || isFull) seal(kind);
    else if (flushTimer === undefined) {
      flushTimer = setTimeout(flush, options.flushIntervalMs);
      flushTimer.unref();
    }
  }

  function seal(kind: BlockKind): void {
    if (kind === 'native') {
      if (encoder === undefined || encoder.rows() === 0) return;
      memoryBytes -= encoder.bytes();
      const block = takeNativeBlock(encoder, pool);
      memoryBytes += block.bytes;
      sealed.push(block);
    } else {
      if (open[kind].bytes === 0) return;
      sealed.push(open[kind]);
      open[kind] = createBlock(kind);
    }
    void writeBlocks();
  }

  function flush(): void {
    flushTimer = undefined;
    // What the disk does not take at once becomes few large blocks, not four small ones a second.
    if (sealed.length > 0) {
      flushTimer = setTimeout(flush, options.flushIntervalMs);
      flushTimer.unref();
      return;
    }
    for (const kind of BLOCK_KINDS) seal(kind);
  }

  /** One file may be written whatever this thread's share, or a block larger than that would wait for ever. */
  function fitsShare(block: Block): boolean {
    return spooled.length === 0 || spoolBytes + block.bytes <= spoolShareBytes;
  }

  /** In an empty folder a block has room also when it is larger than the whole. */
  async function fitsFolder(block: Block): Promise<boolean> {
    const usedBytes = spoolBytes + (await others.bytes());
    return usedBytes === 0 || usedBytes + block.bytes <= options.spoolBytesMax;
  }

  async function writeBlocks(): Promise<void> {
    if (writing) return;
    writing = true;
    for (;;) {
      const block = sealed[0];
      if (closed || block === undefined || !fitsShare(block)) break;
      if (!(await fitsFolder(block))) {
        await pause(SPOOL_LOOK_INTERVAL_MS);
        continue;
      }
      const file = blockFileName(address.startId, options.thread, sequence, block.kind);
      try {
        await writeBlockFile(address.storeDir, file, block);
      } catch (error) {
        writeFailures += 1;
        if (writeBackoff.failures() === 0) {
          logger.error({ error, bytes: block.bytes }, 'a block file cannot be written; it is kept in memory');
        }
        await pause(writeBackoff.next());
        continue;
      }
      if (writeBackoff.failures() > 0) logger.info({ file }, 'block files can be written again');
      writeBackoff.reset();
      sequence += 1;
      sealed.shift();
      memoryBytes -= block.bytes;
      spoolBytes += block.bytes;
      spooled.push({ file, bytes: block.bytes, rows: block.rows });
      releaseBlock(block, pool);
      void sendFiles();
    }
    writing = false;
  }

  async function sendFiles(): Promise<void> {
    if (sending) return;
    sending = true;
    for (;;) {
      const next = spooled[0];
      if (closed || next === undefined) break;
      const reply = await client.insert(next.file);
      if (reply.outcome === 'retry') {
        if (insertBackoff.failures() === 0) {
          logger.warn(
            { file: next.file, code: reply.code },
            'the store cannot take a block now; it is tried again',
          );
        }
        await pause(insertBackoff.next());
        continue;
      }
      insertBackoff.reset();
      spooled.shift();
      spoolBytes -= next.bytes;
      if (reply.outcome === 'inserted') deliveredRows += next.rows;
      else refusedRows += next.rows;
      void writeBlocks();
      settleDrains();
    }
    sending = false;
  }

  function idle(): boolean {
    return memoryBytes === 0 && spooled.length === 0;
  }

  function settleDrains(): void {
    if (!idle()) return;
    for (const settle of drainWaits) settle();
    drainWaits.clear();
  }

  function drain(signal: AbortSignal): Promise<void> {
    draining = true;
    clearTimeout(flushTimer);
    flushTimer = undefined;
    for (const kind of BLOCK_KINDS) seal(kind);
    if (idle()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // Everything else is unref'd; without this a process that only waits here would end.
      const keepAlive = setInterval(() => {}, 1000);
      const settle = () => {
        clearInterval(keepAlive);
        signal.removeEventListener('abort', abort);
        resolve();
      };
      const abort = () => {
        clearInterval(keepAlive);
        drainWaits.delete(settle);
        reject(
          new Error(
            `embedded store: ${memoryBytes} bytes and ${spooled.length} block files are not inserted`,
          ),
        );
      };
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      drainWaits.add(settle);
    });
  }

  return {
    name: 'embedded',
    append: encode,
    appendRejected: (rows, rowCount) => gather('rejected.bin', rows, rowCount),
    pendingBytes: () => memoryBytes,
    spooledBytes: () => spoolBytes,
    deliveredRows: () => deliveredRows,
    refusedRows: () => refusedRows,
    writeFailures: () => writeFailures,
    drain,
    close() {
      closed = true;
      clearTimeout(flushTimer);
      client.close();
    },
  };
}

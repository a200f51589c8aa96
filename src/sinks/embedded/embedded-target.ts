/**
 * The embedded store as the journal's deliveries see it: a block is written as a file of the spool folder and the
 * store process is asked to insert it. The journal keeps the rows until the answer is there, so a file is only a
 * way to hand them over; it is named by the block's token, which is the insert's deduplication token as well.
 */

import { createChunkPool } from '../block.ts';
import { createEncoderPool, NativeBlock, PlainBlock, type SealableBlock } from '../block-builders.ts';
import type { JsonForm } from '../native-block-setup.ts';
import type { BlockTarget, SendOutcome } from '../sink.ts';
import { blockFileName, type StoreAddress, type StoreLogger } from './protocol.ts';
import { discardRefused, writeBlockFile } from './spool.ts';
import { createStoreClient } from './store-client.ts';

export interface EmbeddedTargetOptions {
  readonly address: StoreAddress;
  readonly stream: 'events' | 'rejected';
  /** What Native blocks hold in object columns; undefined writes lines, as does a build without the addon. */
  readonly jsonForm: JsonForm | undefined;
  readonly blockBytesMax: number;
  /** Takes an accepted event that cannot be encoded. */
  readonly onUnreadable: (line: Buffer) => void;
  readonly logger: StoreLogger;
}

export interface EmbeddedTarget extends BlockTarget {
  /** Rows in blocks that the engine refused for their content; they stand in refused/. */
  refusedRows(): number;
  /** Block files that could not be written. */
  writeFailures(): number;
  /** Lets go of the socket; a send in flight stays unanswered. */
  close(): void;
}

/** A target for one delivery: its connection carries one request at a time. */
export function createEmbeddedTarget(options: EmbeddedTargetOptions): EmbeddedTarget {
  const { address, stream, jsonForm, logger } = options;
  const pool = createChunkPool();
  const encoders =
    stream === 'events' && jsonForm !== undefined
      ? createEncoderPool(jsonForm, options.blockBytesMax)
      : undefined;
  const client = createStoreClient(address.socketPath);
  let refusedRows = 0;
  let writeFailures = 0;

  function begin(): SealableBlock {
    const encoder = encoders?.free.pop() ?? encoders?.make();
    if (encoder === undefined || encoders === undefined) {
      return new PlainBlock(stream === 'events' ? 'jsonl' : 'rejected.bin', pool);
    }
    return new NativeBlock(encoder, encoders, pool, options.onUnreadable);
  }

  async function send(token: string, builder: SealableBlock, signal: AbortSignal): Promise<SendOutcome> {
    const block = builder.seal();
    // All of its lines went to `onUnreadable`.
    if (block.rows === 0) return 'delivered';
    const file = blockFileName(token, block.kind);
    try {
      // Written anew before every try: a file that is gone would count as inserted.
      await writeBlockFile(address, file, block);
    } catch (error) {
      writeFailures += 1;
      logger.error({ error, file }, 'a block file cannot be written; its rows stay in the journal');
      return 'retry';
    }
    return insert(file, block.rows, signal);
  }

  async function insert(file: string, rows: number, signal: AbortSignal): Promise<SendOutcome> {
    const reply = await client.insert(file, signal);
    if (reply.outcome === 'inserted') return 'delivered';
    if (reply.outcome === 'retry') {
      logger.warn({ file, code: reply.code }, 'the store cannot take a block now; it is tried again');
      return 'retry';
    }
    // Blocks that the engine died of (code 0) and those that cannot be cut stay in refused/, whole.
    if (stream !== 'events' || reply.code === 0) {
      refusedRows += rows;
      return 'aside';
    }
    await discardRefused(address.storeDir, file);
    return 'refused';
  }

  return {
    name: 'embedded',
    begin,
    send: (token, block, signal) => send(token, block as SealableBlock, signal),
    refusedRows: () => refusedRows,
    writeFailures: () => writeFailures,
    close: () => client.close(),
  };
}

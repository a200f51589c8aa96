/**
 * A ClickHouse server as the journal's deliveries see it: a block is the body of one INSERT over HTTP, under its token as
 * `insert_deduplication_token`. Whether a request that got no answer was done is not known; sent again it counts once.
 *
 * Blocks gather as the server's tables want them. Until it was reached nobody knows; lines gather, and are encoded when it
 * is there.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Block, type BlockKind, blockViews, createChunkPool } from '../block.ts';
import {
  createEncoderPool,
  type EncoderPool,
  NativeBlock,
  PlainBlock,
  type SealableBlock,
} from '../block-builders.ts';
import { BLOCK_COLUMNS, type JsonForm } from '../native-block-setup.ts';
import { REJECTED_COLUMNS } from '../rejected.ts';
import type { BlockTarget, SendOutcome, SinkLogger, StreamName } from '../sink.ts';
import type { BodyEncoder } from './compress.ts';
import { quoteName, type TablePlace, tableName } from './ddl.ts';
import type { ServerFacts } from './facts.ts';
import { FAILURES } from './failures.ts';
import type { Server } from './server.ts';

export interface ClickHouseTargetOptions {
  readonly stream: StreamName;
  readonly server: Server;
  readonly database: string;
  readonly body: BodyEncoder;
  readonly blockBytesMax: number;
  /** False writes lines, as a build without the addon does. */
  readonly writesNative: boolean;
  /** Where blocks of rejected events stay that the server cannot read. */
  readonly refusedDir: string;
  /** Takes an accepted event that cannot be encoded. */
  readonly onUnreadable: (line: Buffer) => void;
  readonly logger: SinkLogger;
}

export interface ClickHouseTarget extends BlockTarget {
  /** Rejected events in blocks that the server cannot read; they stand in `refusedDir`. */
  refusedRows(): number;
}

/** A target for one delivery. */
export function createClickHouseTarget(options: ClickHouseTargetOptions): ClickHouseTarget {
  const { stream, server, body, logger } = options;
  const statements = insertStatements(options.database);
  const pool = createChunkPool();
  const encoders = new Map<JsonForm, EncoderPool>();
  let refusedRows = 0;

  function writesNative(): boolean {
    return options.writesNative && server.facts()?.jsonForm !== undefined;
  }

  function begin(): SealableBlock {
    const form = server.facts()?.jsonForm;
    if (stream === 'rejected') return new PlainBlock('rejected.bin', pool);
    if (!options.writesNative || form === undefined) return new PlainBlock('jsonl', pool);
    const own = encoders.get(form) ?? createEncoderPool(form, options.blockBytesMax);
    encoders.set(form, own);
    const encoder = own.free.pop() ?? own.make();
    return encoder === undefined
      ? new PlainBlock('jsonl', pool)
      : new NativeBlock(encoder, own, pool, options.onUnreadable);
  }

  async function send(token: string, builder: SealableBlock, signal: AbortSignal): Promise<SendOutcome> {
    const facts = server.facts() ?? (await server.look());
    // Its settings are not known: what is inserted without them may read otherwise, or count twice.
    if (facts === undefined) return 'retry';
    const late = encodeLate(builder);
    try {
      return await sendSealed(token, (late ?? builder).seal(), facts, signal);
    } finally {
      late?.release();
    }
  }

  /**
   * Lines that gathered before the server was reached, as they would be now. Engines since 26.2 make a token's identity
   * of the blocks that a body had before they were squashed, so that the same rows must always come in the same form.
   */
  function encodeLate(builder: SealableBlock): SealableBlock | undefined {
    const block = builder.seal();
    if (block.kind !== 'jsonl' || !writesNative()) return undefined;
    const encoded = begin();
    encoded.add(Buffer.concat(blockViews(block)), block.rows);
    return encoded;
  }

  async function sendSealed(
    token: string,
    block: Block,
    facts: ServerFacts,
    signal: AbortSignal,
  ): Promise<SendOutcome> {
    // All of its lines went to `onUnreadable`.
    if (block.rows === 0) return 'delivered';
    try {
      await server.connection.insert({
        sql: statements[block.kind],
        settings: { ...facts.insertSettings, insert_deduplication_token: token, wait_end_of_query: '1' },
        views: body.encode(blockViews(block)),
        encoding: body.encoding,
        signal,
      });
      server.succeeded();
      return 'delivered';
    } catch (error) {
      const { outcome } = FAILURES[server.failed(error).kind];
      return outcome === 'refused' && stream === 'rejected' ? putAside(token, block) : outcome;
    }
  }

  /** Rejected rows cannot be cut, and one block must not keep the others. */
  async function putAside(token: string, block: Block): Promise<SendOutcome> {
    const file = join(options.refusedDir, `${token}.${block.kind}`);
    try {
      await mkdir(options.refusedDir, { recursive: true, mode: 0o700 });
      await writeFile(file, Buffer.concat(blockViews(block)), { mode: 0o600 });
    } catch (error) {
      logger.error({ err: error, file }, 'a block that ClickHouse cannot read cannot be put aside');
      return 'retry';
    }
    refusedRows += block.rows;
    logger.error({ file }, 'ClickHouse cannot read a block of rejected events; it stands in a file');
    return 'aside';
  }

  return {
    name: 'clickhouse',
    begin,
    send: (token, block, signal) => send(token, block as SealableBlock, signal),
    refusedRows: () => refusedRows,
  };
}

/** By what a block holds. */
function insertStatements(database: string): Record<BlockKind, string> {
  const place: TablePlace = { database, cluster: undefined, isReplicated: false };
  const into = (table: string, columns: readonly string[], format: string) =>
    `INSERT INTO ${tableName(place, table)} (${columns.map(quoteName).join(', ')}) FORMAT ${format}`;
  const columns = BLOCK_COLUMNS.map(({ name }) => name);
  return {
    native: into('events', columns, 'Native'),
    jsonl: into('events', columns, 'JSONEachRow'),
    'rejected.bin': into('events_rejected', REJECTED_COLUMNS, 'RowBinary'),
  };
}

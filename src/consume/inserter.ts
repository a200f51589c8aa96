/**
 * Blocks on their way into ClickHouse: a few at a time, tried until the server has answered, with growing pauses while it does
 * not (journal/breaker.ts). While the breaker is open nothing is fetched: `isPaused`.
 *
 * A block that is refused for its content is taken apart, down to single offsets (the halves of a range, always the same ones, so
 * that each part has its own token for ever); what is refused alone becomes a letter, everything else is in.
 */
import type { Breaker } from '../journal/breaker.ts';
import type { Ending } from '../journal/ending.ts';
import type { BlockBuilder, BlockTarget, SendOutcome } from '../sinks/sink.ts';
import type { Assembler, FilledBlock } from './assembler.ts';
import { type Place, tokenOf } from './contract.ts';
import type { Letter } from './letter.ts';
import type { RawBatch } from './raw-batch.ts';

export interface InserterOptions {
  readonly target: BlockTarget;
  readonly assembler: Assembler;
  readonly breaker: Breaker;
  /** A send without an answer for so long has failed. */
  readonly sendTimeoutMs: number;
  /** Blocks at the same time. */
  readonly blocksMax: number;
  /** Resolves when blocks can be begun: the server's tables are known. */
  readonly untilKnown: () => Promise<boolean>;
}

/** A block, and whose it is. */
export interface Insert extends Place {
  readonly lineage: string;
  readonly batches: readonly RawBatch[];
  readonly block: FilledBlock;
}

type Settled = Exclude<SendOutcome, 'retry'>;
const NO_BOUNDS = { rowsMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };

export class Inserter {
  readonly #options: InserterOptions;
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #insertedRows = 0;
  #blocks = 0;

  constructor(options: InserterOptions) {
    this.#options = options;
    this.#free = options.blocksMax;
  }

  /** ClickHouse does not take blocks now. */
  get isPaused(): boolean {
    return this.#options.breaker.isOpen;
  }

  /** Rows that ClickHouse has confirmed; those of a block that it had already count too. */
  get insertedRows(): number {
    return this.#insertedRows;
  }

  get blocks(): number {
    return this.#blocks;
  }

  /** Runs `work` when there is a place for one more block; undefined when the end came first. */
  async inTurn<Result>(ending: Ending, work: () => Promise<Result>): Promise<Result | undefined> {
    const { breaker } = this.#options;
    await this.#enter();
    try {
      while (!ending.isOver) {
        if (await this.#options.untilKnown()) return await work();
        breaker.failed();
        await ending.pause(breaker.pauseMs());
      }
      return undefined;
    } finally {
      this.#leave();
    }
  }

  /** Inserts, and releases the block. Resolves with the letters of rows that are refused, or undefined when the end came first. */
  async insert(insert: Insert, ending: Ending): Promise<Letter[] | undefined> {
    const { block } = insert;
    const { builder } = block;
    try {
      if (builder.rows === 0) return [];
      const outcome = await this.#send(
        tokenOf(insert, insert.lineage, block.first, block.end),
        builder,
        ending,
      );
      if (outcome === undefined) return undefined;
      if (outcome !== 'refused') {
        this.#count(builder.rows);
        return [];
      }
    } finally {
      builder.release();
    }
    return this.#insertParts(insert, ending);
  }

  /** The block was refused. */
  async #insertParts(insert: Insert, ending: Ending): Promise<Letter[] | undefined> {
    const { assembler } = this.#options;
    const letters: Letter[] = [];
    const waiting: [first: number, end: number][] = [[insert.block.first, insert.block.end]];
    for (let range = waiting.pop(); range !== undefined; range = waiting.pop()) {
      const [first, end] = range;
      if (end - first === 1) {
        letters.push(...assembler.letters(insert, insert.batches, first, end, 'refused_by_clickhouse'));
        continue;
      }
      const middle = first + Math.floor((end - first) / 2);
      for (const part of [[first, middle] as const, [middle, end] as const]) {
        const outcome = await this.#insertPart(insert, ...part, ending);
        if (outcome === undefined) return undefined;
        if (outcome === 'refused') waiting.push([...part]);
      }
    }
    return letters;
  }

  async #insertPart(
    insert: Insert,
    first: number,
    end: number,
    ending: Ending,
  ): Promise<Settled | undefined> {
    const { assembler, target } = this.#options;
    const { builder } = await assembler.fill(target, insert, insert.batches, first, end, NO_BOUNDS);
    try {
      if (builder.rows === 0) return 'delivered';
      const outcome = await this.#send(tokenOf(insert, insert.lineage, first, end), builder, ending);
      if (outcome === 'delivered') this.#count(builder.rows);
      return outcome;
    } finally {
      builder.release();
    }
  }

  /** Sends until it is answered; undefined when the end came first: then ClickHouse may have it or not. */
  async #send(token: string, builder: BlockBuilder, ending: Ending): Promise<Settled | undefined> {
    const { breaker } = this.#options;
    while (!ending.isOver) {
      breaker.begin();
      const outcome = await this.#sendOnce(token, builder, ending);
      if (outcome !== 'retry') {
        breaker.succeeded();
        return outcome;
      }
      if (ending.isOver) return undefined;
      breaker.failed();
      await ending.pause(breaker.pauseMs());
    }
    return undefined;
  }

  /** When it resolves, nothing reads the block's memory any more. */
  async #sendOnce(token: string, builder: BlockBuilder, ending: Ending): Promise<SendOutcome> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.#options.sendTimeoutMs).unref();
    try {
      const sending = this.#options.target.send(token, builder, late.signal);
      const outcome = await ending.before(sending);
      if (outcome === undefined) late.abort();
      return outcome ?? (await sending);
    } finally {
      clearTimeout(timer);
    }
  }

  #count(rows: number): void {
    this.#insertedRows += rows;
    this.#blocks += 1;
  }

  async #enter(): Promise<void> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }
}

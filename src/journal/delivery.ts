/**
 * Takes one stream to one sink: gathers rows into blocks, sends one block at a time, and moves the sink's cursor.
 *
 *   live     what is appended is offered here and gathered from memory
 *   behind   the sink did not keep up, or a start found rows of the last one: blocks are gathered from the disk until
 *            the stream's end is reached, then it is live again
 *   away     the breaker is open: nothing is sent and nothing is held in memory but the cursor; after each pause the
 *            block that was in hand is gathered again from the disk and sent, and when it is answered it is behind
 *
 * A block is whole chunks of one epoch. Before it is first sent, the cursor says where it ends; so whoever comes
 * after a crash, or after a pause, builds the same block from the same rows and sends it under the same token
 *   <node>-<worker>-<stream>-<epoch>-<first row>-<end row>
 * and a target that has it already drops it. In memory are at most the block that is sent and the one that gathers.
 */

import type { BlockBuilder, BlockTarget } from '../sinks/sink.ts';
import { type Bisection, bisect } from './bisect.ts';
import { Breaker, type BreakerOptions, type BreakerState } from './breaker.ts';
import type { Cursor } from './cursor.ts';
import { Ending } from './ending.ts';
import { StreamReader } from './reader.ts';
import type { ChunkPlace, Position } from './segment.ts';
import { Sender } from './sender.ts';
import type { JournalStream } from './stream.ts';

export interface DeliveryOptions {
  readonly stream: JournalStream;
  readonly cursor: Cursor;
  readonly target: BlockTarget;
  /** `<node>-<worker>-<stream>`. */
  readonly tokenPrefix: string;
  readonly blockBytesMax: number;
  readonly blockRowsMax?: number | undefined;
  readonly flushIntervalMs: number;
  /** A send that takes longer has failed. */
  readonly sendTimeoutMs: number;
  /** Whether the cursor must survive a power failure as well. */
  readonly syncsCursor: boolean;
  readonly breaker: BreakerOptions;
  /** How to cut a payload into rows, and where a row goes that the target refuses alone; undefined where a refused block cannot be cut. */
  readonly poison: Pick<Bisection, 'slice' | 'onPoison'> | undefined;
  /** Called when the cursor has moved: segments may be free. */
  readonly onDelivered: (row: number) => void;
}

interface Block {
  readonly builder: BlockBuilder;
  readonly epoch: string;
  /** When its first chunk was received. */
  readonly timeMs: number;
  to: Position;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly breaker: Breaker;
  readonly #sender: Sender;
  readonly #ending = new Ending();
  #delivered: Position;
  /** Rows before it were gathered from memory or disk. */
  #gathered: Position;
  #open: Block | undefined;
  #sending: Block | undefined;
  /** The reader while the sink is behind. */
  #reader: StreamReader | undefined;
  /** Until the block in hand is answered, that of the process before this one included, nothing else is gathered. */
  #isAway = true;
  #isDue = false;
  #flushTimer: NodeJS.Timeout | undefined;
  #draining = false;
  #oldestTimeMs: number | undefined;
  /** Who waits for the rows below `row`. */
  readonly #waiting: { readonly row: number; readonly resolve: () => void }[] = [];
  #wake: (() => void) | undefined;
  readonly #loop: Promise<void>;

  /** Goes on where the cursor stands, or at the stream's start. */
  constructor(options: DeliveryOptions) {
    const { cursor, stream, target, sendTimeoutMs } = options;
    this.#options = options;
    const onChange = (state: BreakerState, before: BreakerState) => {
      this.#stir();
      options.breaker.onChange(state, before);
    };
    const breaker = new Breaker({ ...options.breaker, onChange });
    this.breaker = breaker;
    this.#sender = new Sender({ target, breaker, timeoutMs: sendTimeoutMs, ending: this.#ending });
    this.#delivered = cursor.state?.delivered ?? stream.start();
    this.#gathered = this.#delivered;
    this.#loop = this.#run();
  }

  /** Everything below this row was delivered, or put aside for its content. */
  get deliveredRow(): number {
    return this.#delivered.row;
  }

  /** Rows that are not delivered. */
  get lagRows(): number {
    return this.#options.stream.nextRow - this.#delivered.row;
  }

  /** When the oldest row that is not delivered was received; undefined when there is none, or it was not read yet. */
  get oldestTimeMs(): number | undefined {
    return this.lagRows === 0 ? undefined : this.#oldestTimeMs;
  }

  /** Bytes that this delivery holds in memory. */
  get memoryBytes(): number {
    return (this.#open?.builder.bytes ?? 0) + (this.#sending?.builder.bytes ?? 0);
  }

  /** Offers the chunk that was just appended. COPY of what is taken of it; never throws for a broken target. */
  offer(place: ChunkPlace, payload: Uint8Array, rows: number): void {
    const isNext = place.start.row === this.#gathered.row;
    if (this.#isAway || this.#reader !== undefined || (rows === 0 && isNext)) return;
    if (!isNext || this.#isFull()) {
      this.#fallBehind();
      return;
    }
    this.#gather(place, payload, rows);
  }

  /** Sends what is gathered without waiting for more, from now on; resolves when all rows so far were delivered. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#draining = true;
    this.#stir();
    const { nextRow } = this.#options.stream;
    if (this.#delivered.row >= nextRow || signal.aborted) return;
    const delivered = new Promise<void>((resolve) => {
      this.#waiting.push({ row: nextRow, resolve });
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await this.#ending.before(delivered);
  }

  /** Stops; what is not delivered stays in the journal. A target that never answers is not waited for. */
  async close(): Promise<void> {
    this.#ending.end();
    this.#stir();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#ending.isOver) {
      await this.#deliverInHand();
      if (!this.breaker.isOpen) await this.#flow();
      this.#letGo();
      if (this.breaker.isOpen) await this.#ending.pause(this.breaker.pauseMs());
    }
  }

  /** Sends the block that the cursor names, if there is one, gathered again from the same rows. */
  async #deliverInHand(): Promise<void> {
    const endRow = this.#options.cursor.state?.blockEndRow ?? 0;
    if (endRow <= this.#delivered.row) return;
    await this.#ending.untilDone(() => this.#gatherUpTo(endRow));
    if (this.#open !== undefined) await this.#deliver(endRow);
  }

  async #gatherUpTo(endRow: number): Promise<void> {
    const reader = new StreamReader(this.#options.stream, this.#gathered);
    try {
      while (reader.position.row < endRow) {
        const epoch = await reader.nextEpoch();
        // Chunks of meta alone before the block's may be of another epoch.
        if (this.#open !== undefined && epoch !== this.#open.epoch) break;
        const chunk = await reader.next();
        if (chunk === undefined || chunk.firstRow >= endRow) break;
        this.#add({ ...chunk, end: reader.position }, chunk.payload, chunk.rows);
      }
    } finally {
      reader.close();
    }
  }

  /** Gathers and sends until the breaker opens or this is closed; then no send is in flight but one that hangs. */
  async #flow(): Promise<void> {
    this.#isAway = false;
    if (this.#gathered.row < this.#options.stream.nextRow) this.#fallBehind();
    let sending: Promise<void> | undefined;
    while (!this.#ending.isOver && !this.breaker.isOpen) {
      if (sending === undefined && this.#takesOpen()) {
        sending = this.#deliver().finally(() => {
          sending = undefined;
          this.#stir();
        });
      } else if (this.#reader !== undefined && !this.#isFull()) {
        const reader = this.#reader;
        await this.#ending.untilDone(() => this.#catchUp(reader));
      } else {
        await this.#stirred();
      }
    }
    this.#letGo();
    await this.#ending.before(sending ?? Promise.resolve());
  }

  /** Gives back what gathers; it is read from the journal again. */
  #letGo(): void {
    this.#isAway = true;
    clearTimeout(this.#flushTimer);
    this.#flushTimer = undefined;
    this.#isDue = false;
    this.#reader?.close();
    this.#reader = undefined;
    this.#open?.builder.release();
    this.#open = undefined;
    this.#gathered = this.#delivered;
  }

  /** Gathers one chunk from the disk, or finds that the stream's end is reached. */
  async #catchUp(reader: StreamReader): Promise<void> {
    const epoch = await reader.nextEpoch();
    if (epoch !== undefined && this.#open !== undefined && epoch !== this.#open.epoch) {
      this.#isDue = true;
      if (this.#sending !== undefined) await this.#stirred();
      return;
    }
    const chunk = await reader.next();
    if (chunk !== undefined) this.#add({ ...chunk, end: reader.position }, chunk.payload, chunk.rows);
    // Between the reader's look and here nothing else runs, so that no row is missed.
    else this.#goLive(reader);
  }

  #goLive(reader: StreamReader): void {
    reader.close();
    this.#reader = undefined;
    this.#gathered = this.#options.stream.end();
    if (this.#open !== undefined) this.#startTimer();
    // The last rows may be a gap: damaged, or never given out.
    else if (this.#sending === undefined) this.#moveTo(this.#gathered);
  }

  #fallBehind(): void {
    this.#reader = new StreamReader(this.#options.stream, this.#gathered);
    this.#stir();
  }

  #gather(place: ChunkPlace, payload: Uint8Array, rows: number): void {
    if (this.#open !== undefined && this.#open.epoch !== place.epoch) {
      this.#isDue = true;
      this.#fallBehind();
      return;
    }
    this.#add(place, payload, rows);
    if (this.#draining || this.#isFull()) this.#stir();
    else this.#startTimer();
  }

  #add(
    { epoch, timeMs, end }: Pick<ChunkPlace, 'epoch' | 'timeMs' | 'end'>,
    payload: Uint8Array,
    rows: number,
  ): void {
    if (rows > 0) {
      this.#open ??= { builder: this.#options.target.begin(), to: end, epoch, timeMs };
      if (this.#sending === undefined) this.#oldestTimeMs = this.#open.timeMs;
      this.#open.builder.add(payload, rows);
      this.#open.to = end;
    }
    this.#gathered = end;
  }

  #startTimer(): void {
    this.#flushTimer ??= setTimeout(() => this.#flush(), this.#options.flushIntervalMs).unref();
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#isDue = true;
    this.#stir();
  }

  #isFull(): boolean {
    const block = this.#open?.builder;
    const { blockBytesMax, blockRowsMax = Number.POSITIVE_INFINITY } = this.#options;
    return block !== undefined && (block.bytes >= blockBytesMax || block.rows >= blockRowsMax);
  }

  /** Whether the open block is to be sent: full, old, last of its epoch, or all that a drain waits for. */
  #takesOpen(): boolean {
    const isLast = this.#draining && this.#reader === undefined;
    return this.#open !== undefined && (this.#isDue || isLast || this.#isFull());
  }

  /** Sends the open block until it is answered or the breaker opens; `endRow` is where the cursor says it ends. */
  async #deliver(endRow?: number): Promise<void> {
    const block = this.#open;
    if (block === undefined) return;
    this.#open = undefined;
    this.#isDue = false;
    this.#sending = block;
    const isSettled = await this.#ending.untilDone(async () => {
      await this.#note(endRow ?? block.to.row);
      return this.#send(block, endRow ?? block.to.row);
    });
    // The cursor that cannot be moved is tried until it can: sent again, the block would only be dropped.
    if (isSettled) await this.#ending.untilDone(async () => this.#advance(this.#reached(block.to)));
    this.#sending = undefined;
    block.builder.release();
  }

  /** Writes the end of the block that is sent next: without it a crash could send the rows under another token. Rejects with the disk's error. */
  async #note(blockEndRow: number): Promise<void> {
    const { cursor, syncsCursor } = this.#options;
    cursor.write({ delivered: this.#delivered, blockEndRow });
    if (syncsCursor) await cursor.sync();
  }

  /** Whether the target has the block, or what can be delivered of it. Rejects with the disk's error. */
  async #send({ builder, epoch }: Block, endRow: number): Promise<boolean> {
    const { poison, stream, target, tokenPrefix } = this.#options;
    const from = this.#delivered;
    const token = (first: number, end: number) => `${tokenPrefix}-${epoch}-${first}-${end}`;
    const outcome = await this.#sender.send(token(from.row, endRow), builder);
    if (outcome !== 'refused' || poison === undefined || builder.rows === 0) return outcome !== undefined;
    const send = (partToken: string, part: BlockBuilder) => this.#sender.send(partToken, part);
    return await bisect({ stream, target, token, send, ...poison }, from, endRow);
  }

  /** Behind the block, or behind the gap that is all there is behind it. */
  #reached(to: Position): Position {
    return !this.#isAway && this.#reader === undefined && this.#open === undefined ? this.#gathered : to;
  }

  /** Moves the cursor behind the block. Throws the disk's error. */
  #advance(to: Position): void {
    this.#options.cursor.write({ delivered: to, blockEndRow: to.row });
    this.#oldestTimeMs = this.#open?.timeMs;
    this.#moveTo(to);
    this.#options.onDelivered(to.row);
  }

  #moveTo(position: Position): void {
    this.#delivered = position;
    for (const { row, resolve } of this.#waiting) if (row <= position.row) resolve();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  #stirred(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/**
 * Takes one stream to one sink: gathers rows into blocks, sends one block at a time, and moves the sink's cursor.
 *
 *   live     what is appended is offered here and gathered from memory
 *   behind   the sink did not keep up, or a start found rows of the last one: blocks are gathered from the disk until
 *            the stream's end is reached, then it is live again
 *
 * A block is whole chunks of one epoch. Before it is first sent, the cursor says where it ends; so whoever comes
 * after a crash builds the same block from the same rows and sends it under the same token
 *   <node>-<worker>-<stream>-<epoch>-<first row>-<end row>
 * and a target that has it already drops it. In memory are at most the block that is sent and the one that gathers.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { BlockBuilder, BlockTarget, SendOutcome } from '../sinks/sink.ts';
import { type Bisection, bisect } from './bisect.ts';
import type { Cursor } from './cursor.ts';
import { StreamReader } from './reader.ts';
import type { Position } from './segment.ts';
import type { ChunkPlace, JournalStream } from './stream.ts';

export interface DeliveryOptions {
  readonly stream: JournalStream;
  readonly cursor: Cursor;
  readonly target: BlockTarget;
  /** `<node>-<worker>-<stream>`. */
  readonly tokenPrefix: string;
  readonly blockBytesMax: number;
  readonly flushIntervalMs: number;
  /** Whether the cursor must survive a power failure as well. */
  readonly syncsCursor: boolean;
  /** Pause before a failed send is tried again. */
  readonly retryPauseMs: (failures: number) => number;
  /** How to cut a payload into rows, and where a row goes that the target refuses alone; undefined where a refused block cannot be cut. */
  readonly poison: Pick<Bisection, 'slice' | 'onPoison'> | undefined;
  /** Called when the cursor has moved: segments may be free. */
  readonly onDelivered: (row: number) => void;
}

interface Block {
  readonly builder: BlockBuilder;
  readonly from: Position;
  readonly epoch: string;
  to: Position;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  #delivered: Position;
  /** Rows before it were gathered from memory or disk. */
  #gathered: Position;
  #open: Block | undefined;
  #sending: Block | undefined;
  /** The reader while the sink is behind. */
  #reader: StreamReader | undefined;
  /** Until the block of the process before this one is answered, nothing else is gathered. */
  #isResuming = true;
  #isDue = false;
  #flushTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #draining = false;
  /** Who waits for the rows below `row`. */
  readonly #waiting: { readonly row: number; readonly resolve: () => void }[] = [];
  #closed = false;
  #resolveClosed: () => void = () => {};
  readonly #whenClosed = new Promise<void>((resolve) => {
    this.#resolveClosed = resolve;
  });
  #wake: (() => void) | undefined;
  readonly #loop: Promise<void>;

  /** Goes on where the cursor stands, or at the stream's start. */
  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { state } = options.cursor;
    this.#delivered = state?.delivered ?? options.stream.start();
    this.#gathered = this.#delivered;
    this.#loop = this.#run(state?.blockEndRow ?? this.#delivered.row);
  }

  /** Everything below this row was delivered, or put aside for its content. */
  get deliveredRow(): number {
    return this.#delivered.row;
  }

  /** Sends that failed in a row; 0 when the target answers. */
  get failures(): number {
    return this.#failures;
  }

  /** Bytes that this delivery holds in memory. */
  get memoryBytes(): number {
    return (this.#open?.builder.bytes ?? 0) + (this.#sending?.builder.bytes ?? 0);
  }

  /** Offers the chunk that was just appended. COPY of what is taken of it; never throws for a broken target. */
  offer(place: ChunkPlace, payload: Uint8Array, rows: number): void {
    const isNext = place.start.row === this.#gathered.row;
    if (this.#isResuming || this.#reader !== undefined || (rows === 0 && isNext)) return;
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
    await new Promise<void>((resolve) => {
      this.#waiting.push({ row: nextRow, resolve });
      signal.addEventListener('abort', () => resolve(), { once: true });
      void this.#whenClosed.then(resolve);
    });
  }

  #moveTo(position: Position): void {
    this.#delivered = position;
    for (const { row, resolve } of this.#waiting) if (row <= position.row) resolve();
  }

  /** Stops; what is not delivered stays in the journal. A target that never answers is not waited for. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#resolveClosed();
    this.#stir();
    await this.#loop;
  }

  async #run(blockEndRow: number): Promise<void> {
    if (blockEndRow > this.#delivered.row) {
      await this.#untilRead(() => this.#resume(blockEndRow));
      if (this.#open !== undefined) await this.#deliver(blockEndRow);
    }
    this.#isResuming = false;
    if (this.#gathered.row < this.#options.stream.nextRow) this.#fallBehind();
    let sending: Promise<void> | undefined;
    while (!this.#closed) {
      if (sending === undefined && this.#takesOpen()) {
        sending = this.#deliver().finally(() => {
          sending = undefined;
          this.#stir();
        });
      } else if (this.#reader !== undefined && !this.#isFull()) {
        const reader = this.#reader;
        await this.#untilRead(() => this.#catchUp(reader));
      } else {
        await this.#stirred();
      }
    }
    clearTimeout(this.#flushTimer);
    this.#reader?.close();
  }

  /** Gathers the block that was in hand when the process before this one ended, from the same rows; chunks of meta alone before them may be of another epoch. */
  async #resume(blockEndRow: number): Promise<void> {
    const reader = new StreamReader(this.#options.stream, this.#gathered);
    try {
      while (reader.position.row < blockEndRow) {
        const epoch = await reader.nextEpoch();
        if (this.#open !== undefined && epoch !== this.#open.epoch) break;
        const chunk = await reader.next();
        if (chunk === undefined || chunk.firstRow >= blockEndRow) break;
        this.#add(chunk.epoch, chunk.payload, chunk.rows, reader.position);
      }
    } finally {
      reader.close();
    }
  }

  /** Reads, and reads on where it failed, with growing pauses, until the disk lets it or this is closed. */
  async #untilRead(read: () => Promise<void>): Promise<void> {
    await this.#untilSettled(() =>
      read().then(
        () => 'delivered' as const,
        () => 'retry' as const,
      ),
    );
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
    if (chunk !== undefined) this.#add(chunk.epoch, chunk.payload, chunk.rows, reader.position);
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
    this.#add(place.epoch, payload, rows, place.end);
    if (this.#draining || this.#isFull()) this.#stir();
    else this.#startTimer();
  }

  #add(epoch: string, payload: Uint8Array, rows: number, end: Position): void {
    if (rows > 0) {
      // Its first row names the block, also behind a gap: who reads it again may stand before the gap.
      const from = { ...this.#gathered, row: end.row - rows };
      this.#open ??= { builder: this.#options.target.begin(), from, to: end, epoch };
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
    return this.#open !== undefined && this.#open.builder.bytes >= this.#options.blockBytesMax;
  }

  /** Whether the open block is to be sent: full, old, last of its epoch, or all that a drain waits for. */
  #takesOpen(): boolean {
    const isLast = this.#draining && this.#reader === undefined;
    return this.#open !== undefined && (this.#isDue || isLast || this.#isFull());
  }

  /** Sends the open block until it is answered; `endRow` is where the cursor says it ends. */
  async #deliver(endRow?: number): Promise<void> {
    const block = this.#open;
    if (block === undefined) return;
    this.#open = undefined;
    this.#isDue = false;
    this.#sending = block;
    const { from, to, epoch } = block;
    const token = this.#token(epoch, from.row, endRow ?? to.row);
    const isSettled = await this.#untilSettled(async () => {
      if (!(await this.#note(endRow ?? to.row))) return 'retry';
      const outcome = await this.#options.target.send(token, block.builder);
      return outcome === 'refused' && !(await this.#bisect(block)) ? 'retry' : outcome;
    });
    // The cursor that cannot be moved is tried until it can: sent again, the block would only be dropped.
    if (isSettled !== undefined)
      await this.#untilSettled(async () => (this.#advance(this.#reached(to)) ? 'delivered' : 'retry'));
    this.#sending = undefined;
    block.builder.release();
  }

  #token(epoch: string, firstRow: number, endRow: number): string {
    return `${this.#options.tokenPrefix}-${epoch}-${firstRow}-${endRow}`;
  }

  /** Calls `attempt` with growing pauses until it gives anything but `retry`; undefined when closed before. */
  async #untilSettled(
    attempt: () => Promise<SendOutcome>,
  ): Promise<Exclude<SendOutcome, 'retry'> | undefined> {
    while (!this.#closed) {
      const outcome = await attempt();
      if (outcome !== 'retry') {
        this.#failures = 0;
        return outcome;
      }
      this.#failures += 1;
      const delayMs = this.#options.retryPauseMs(this.#failures);
      await Promise.race([pause(delayMs, undefined, { ref: false }), this.#whenClosed]);
    }
    return undefined;
  }

  /** Writes the end of the block that is sent next; false when the disk does not take it: a crash could then send the rows under another token. */
  async #note(endRow: number): Promise<boolean> {
    const { cursor, syncsCursor } = this.#options;
    try {
      cursor.write({ delivered: this.#delivered, blockEndRow: endRow });
      if (syncsCursor) await cursor.sync();
      return true;
    } catch {
      return false;
    }
  }

  /** Delivers what it can of a refused block; false when it is to be tried again. */
  async #bisect({ from, to, epoch, builder }: Block): Promise<boolean> {
    const { poison, stream, target } = this.#options;
    if (poison === undefined || builder.rows === 0) return true;
    const send = async (token: string, block: BlockBuilder) => {
      const outcome = await this.#untilSettled(() => target.send(token, block));
      return outcome === 'aside' ? 'delivered' : outcome;
    };
    const token = (firstRow: number, endRow: number) => this.#token(epoch, firstRow, endRow);
    try {
      return await bisect({ stream, target, token, send, ...poison }, from, to.row);
    } catch {
      return false;
    }
  }

  /** Behind the block, or behind the gap that is all there is behind it. */
  #reached(to: Position): Position {
    return this.#reader === undefined && this.#open === undefined ? this.#gathered : to;
  }

  /** Whether the cursor could be moved behind the block. */
  #advance(to: Position): boolean {
    try {
      this.#options.cursor.write({ delivered: to, blockEndRow: to.row });
    } catch {
      return false;
    }
    this.#moveTo(to);
    this.#options.onDelivered(to.row);
    return true;
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

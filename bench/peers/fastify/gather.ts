/**
 * Rows of many requests, gathered into one write, insert or send, one at a time. A request is answered when its rows are
 * gathered (`memory`: lost when the process is killed) or when they are kept (`delivered`).
 */
import type { Row } from './row.ts';

export interface GatherOptions {
  readonly ack: 'memory' | 'delivered';
  /** Milliseconds that the first row waits for others; 0: until the flush before it is done. */
  readonly intervalMs: number;
  /** Rows of one flush. */
  readonly rowsMax: number;
  keep(rows: readonly Row[]): Promise<void>;
}

/** Rows that may wait in memory: beyond it answers wait. */
const WAITING_ROWS_MAX = 400_000;
const RETRY_MS = 100;

export class Gather {
  readonly #options: GatherOptions;
  #rows: Row[] = [];
  /** Of requests that wait until their rows are kept: the number of the last one. */
  readonly #keptWaiters: { readonly lastRow: number; readonly resolve: () => void }[] = [];
  #addedRows = 0;
  #keptRows = 0;
  #roomWaiters: (() => void)[] = [];
  #isFlushing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: GatherOptions) {
    this.#options = options;
  }

  /** Resolves when the request may be answered; undefined: at once. */
  add(rows: readonly Row[]): Promise<void> | undefined {
    for (const row of rows) this.#rows.push(row);
    this.#addedRows += rows.length;
    this.#schedule();
    if (this.#options.ack === 'delivered')
      return new Promise((resolve) => this.#keptWaiters.push({ lastRow: this.#addedRows, resolve }));
    if (this.#rows.length < WAITING_ROWS_MAX) return undefined;
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Resolves when all is kept. */
  async drain(): Promise<void> {
    while (this.#rows.length > 0 || this.#isFlushing) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  #schedule(): void {
    if (this.#isFlushing) return;
    const { intervalMs, rowsMax } = this.#options;
    if (intervalMs > 0 && this.#rows.length < rowsMax) {
      this.#timer ??= setTimeout(() => void this.#flush(), intervalMs);
    } else if (this.#timer === undefined || this.#rows.length >= rowsMax) {
      clearTimeout(this.#timer);
      // Behind the requests that came in the same turn.
      this.#timer = setTimeout(() => void this.#flush(), 0);
    }
  }

  async #flush(): Promise<void> {
    this.#timer = undefined;
    if (this.#isFlushing || this.#rows.length === 0) return;
    this.#isFlushing = true;
    const { rowsMax } = this.#options;
    const rows = this.#rows.length <= rowsMax ? this.#rows : this.#rows.slice(0, rowsMax);
    this.#rows = this.#rows.length <= rowsMax ? [] : this.#rows.slice(rowsMax);
    while (!(await this.#tryKeep(rows))) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    this.#keptRows += rows.length;
    const firstUnkept = this.#keptWaiters.findIndex(({ lastRow }) => lastRow > this.#keptRows);
    const kept = this.#keptWaiters.splice(0, firstUnkept < 0 ? this.#keptWaiters.length : firstUnkept);
    for (const { resolve } of kept) resolve();
    if (this.#rows.length < WAITING_ROWS_MAX) for (const resolve of this.#roomWaiters.splice(0)) resolve();
    this.#isFlushing = false;
    if (this.#rows.length > 0) this.#schedule();
  }

  async #tryKeep(rows: readonly Row[]): Promise<boolean> {
    try {
      await this.#options.keep(rows);
      return true;
    } catch (error) {
      process.stderr.write(`fastify: ${error}\n`);
      return false;
    }
  }
}

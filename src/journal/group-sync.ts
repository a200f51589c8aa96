/**
 * Group commit: one sync at a time, and one more for all who ask while it runs. No timer: light load pays one sync's
 * latency, full load one sync for many.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  /** `sync` makes durable what was written before it is called. */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Whether a sync runs, or one is to follow it. */
  get isWanted(): boolean {
    return this.#running !== undefined || this.#next !== undefined;
  }

  /** Resolves when a sync that began after this call is done; rejects with its error. */
  run(): Promise<void> {
    const running = this.#running;
    if (running === undefined) {
      this.#running = this.#sync().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.run();
      });
    return this.#next;
  }
}

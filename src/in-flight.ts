/** Counts what has begun and not ended, and tells when nothing is left. */
export class InFlight {
  #count = 0;
  readonly #waiting: (() => void)[] = [];

  get count(): number {
    return this.#count;
  }

  enter(): void {
    this.#count += 1;
  }

  /** Must be called once for every enter, or once with the number of them. */
  leave(count = 1): void {
    this.#count -= count;
    if (this.#count > 0) return;
    for (const settle of this.#waiting.splice(0)) settle();
  }

  /** Resolves when the count is 0. */
  settled(): Promise<void> {
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

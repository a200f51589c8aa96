/** What a part is a part of. */
interface Whole {
  readonly budget: MemoryBudget;
  readonly reservedBytes: () => number;
}

/**
 * The memory budget of the process: slabs, unfinished uploads and what the sinks hold. Everything that grows with
 * load takes its bytes here first; when they are not to be had, the client is told to come back.
 */
export class MemoryBudget {
  readonly bytesMax: number;
  readonly #heldElsewhere: () => number;
  readonly #whole: Whole | undefined;
  #giveBack: () => boolean = () => false;
  #taken = 0;

  /** `heldElsewhere` gives bytes that count against this budget but are not taken here: those of the sinks. */
  constructor(bytesMax: number, heldElsewhere: () => number = () => 0, whole?: Whole) {
    this.bytesMax = bytesMax;
    this.#heldElsewhere = heldElsewhere;
    this.#whole = whole;
  }

  /** A budget within this one: what it takes is taken from both, and leaves `reservedBytes` of the whole. */
  part(bytesMax: number, reservedBytes: () => number = () => 0): MemoryBudget {
    return new MemoryBudget(bytesMax, () => 0, { budget: this, reservedBytes });
  }

  /** Bytes in use, the sinks' included. */
  used(): number {
    return this.#taken + this.#heldElsewhere();
  }

  /** `giveBack` is called when bytes are short: it gives some that are not needed, or says false. */
  reclaimBy(giveBack: () => boolean): void {
    this.#giveBack = giveBack;
  }

  /** Takes `bytes`, leaving `reservedBytes`, and says true, or takes none and says false. */
  tryTake(bytes: number, reservedBytes = 0): boolean {
    while (this.used() + bytes > this.bytesMax - reservedBytes) if (!this.#giveBack()) return false;
    if (this.#whole?.budget.tryTake(bytes, this.#whole.reservedBytes()) === false) return false;
    this.#taken += bytes;
    return true;
  }

  /** Gives back what tryTake took. */
  give(bytes: number): void {
    this.#taken -= bytes;
    this.#whole?.budget.give(bytes);
  }
}

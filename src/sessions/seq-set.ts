// Hot path: `add` runs once a message of a session.
/**
 * Which messages of a session are journaled: all up to a low-water mark, and ranges above it, which are there while
 * slabs are under way, and behind a hole that a crash left. Numbers begin at 1.
 */
export class SeqSet {
  #low: number;
  /** First and last number of each range above the mark, in order, no two touching. */
  readonly #ranges: number[] = [];

  constructor(low = 0) {
    this.#low = low;
  }

  /** Everything up to this number is in the set; the next is not. */
  get low(): number {
    return this.#low;
  }

  /** First and last number of each range above `low`, in order. VIEW. */
  get ranges(): readonly number[] {
    return this.#ranges;
  }

  has(seq: number): boolean {
    if (seq <= this.#low) return true;
    const ranges = this.#ranges;
    for (let at = 0; at < ranges.length && ranges[at]! <= seq; at += 2)
      if (seq <= ranges[at + 1]!) return true;
    return false;
  }

  /** Adds all numbers up to `low`. */
  raise(low: number): void {
    if (low > this.#low) this.add(1, low);
  }

  /** Adds the numbers from `first` to `last`. */
  add(first: number, last: number): void {
    const ranges = this.#ranges;
    if (first <= this.#low + 1) {
      if (last > this.#low) this.#low = last;
      while (ranges.length > 0 && ranges[0]! <= this.#low + 1) {
        if (ranges[1]! > this.#low) this.#low = ranges[1]!;
        ranges.splice(0, 2);
      }
      return;
    }
    let at = ranges.length;
    while (at > 0 && ranges[at - 2]! > first) at -= 2;
    // `at` is behind the range that begins at or before `first`; those that touch become one.
    let from = at;
    if (at > 0 && ranges[at - 1]! + 1 >= first) from = at - 2;
    let to = at;
    while (to < ranges.length && ranges[to]! <= last + 1) to += 2;
    if (from === to) {
      ranges.splice(at, 0, first, last);
      return;
    }
    if (ranges[from]! > first) ranges[from] = first;
    ranges[from + 1] = Math.max(last, ranges[to - 1]!, ranges[from + 1]!);
    ranges.splice(from + 2, to - from - 2);
  }

  /** Forgets the highest ranges beyond `rangesMax`: their messages would be stored again, never lost. */
  keepRanges(rangesMax: number): void {
    if (this.#ranges.length > 2 * rangesMax) this.#ranges.length = 2 * rangesMax;
  }
}

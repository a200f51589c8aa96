// Hot path: once a slab.
/**
 * Work in two halves, each of which may wait: the first half of a piece may run while the piece before it waits, the second
 * halves follow each other in the order in which the first ones began. Each piece has a room of its own from its begin to
 * its end; who finds none waits for one. A piece that waits for nothing, alone, is done in one call: a promise for each step
 * of a slab of 25 events was a tenth of the worker's time.
 */
export class Turns<Room> {
  readonly #free: Room[];
  readonly #waiting: ((room: Room) => void)[] = [];
  /** Resolves when no piece is under way; undefined when none is. */
  #before: Promise<void> | undefined;

  /** As many pieces are under way at most as there are rooms. */
  constructor(rooms: readonly Room[]) {
    this.#free = [...rooms];
  }

  /** Gives what `end` gives; the room and the turn are the next one's then. Throws, or rejects with, what a half does. */
  run<Middle, Result>(
    begin: (room: Room) => Middle | Promise<Middle>,
    end: (room: Room, middle: Middle) => Result | Promise<Result>,
  ): Result | Promise<Result> {
    const room = this.#before === undefined ? this.#free.pop() : undefined;
    if (room === undefined) return this.#runBehind(this.#before ?? Promise.resolve(), begin, end);
    let result: Result | Promise<Result>;
    try {
      const middle = begin(room);
      result = middle instanceof Promise ? middle.then((its) => end(room, its)) : end(room, middle);
    } catch (error) {
      this.#leave(room);
      throw error;
    }
    if (result instanceof Promise) this.#follow(result, room);
    else this.#leave(room);
    return result;
  }

  async #runBehind<Middle, Result>(
    before: Promise<void>,
    begin: (room: Room) => Middle | Promise<Middle>,
    end: (room: Room, middle: Middle) => Result | Promise<Result>,
  ): Promise<Result> {
    const piece = (async () => {
      const room = this.#free.pop() ?? (await new Promise<Room>((resolve) => this.#waiting.push(resolve)));
      try {
        const middle = await begin(room);
        await before;
        return await end(room, middle);
      } finally {
        // A first half that throws is no reason to let the next piece overtake.
        await before;
        this.#leave(room);
      }
    })();
    this.#follow(piece);
    return piece;
  }

  /** The next piece's second half waits for `piece`, whose room is given back then. */
  #follow(piece: Promise<unknown>, room?: Room): void {
    const over = () => {
      if (room !== undefined) this.#leave(room);
      if (this.#before === following) this.#before = undefined;
    };
    const following: Promise<void> = piece.then(over, over);
    this.#before = following;
  }

  #leave(room: Room): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(room);
    else next(room);
  }
}

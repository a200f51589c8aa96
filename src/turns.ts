// Hot path: once a slab.
/**
 * Work in two halves, each of which may wait: the first half of a piece may run while the piece before it waits, the second
 * halves follow each other in the order in which the first ones began. Each piece has a room of its own from its begin to
 * its end; who finds none waits for one.
 */
export class Turns<Room> {
  readonly #free: Room[];
  readonly #waiting: ((room: Room) => void)[] = [];
  #before: Promise<void> = Promise.resolve();

  /** As many pieces are under way at most as there are rooms. */
  constructor(rooms: readonly Room[]) {
    this.#free = [...rooms];
  }

  /** Gives what `end` gives; the room and the turn are the next one's then. Rejects with what a half throws. */
  async run<Middle, Result>(
    begin: (room: Room) => Middle | Promise<Middle>,
    end: (room: Room, middle: Middle) => Result | Promise<Result>,
  ): Promise<Result> {
    const room = this.#free.pop() ?? (await new Promise<Room>((resolve) => this.#waiting.push(resolve)));
    const before = this.#before;
    let isOver = (): void => {};
    this.#before = new Promise((resolve) => {
      isOver = resolve;
    });
    try {
      const middle = await begin(room);
      await before;
      return await end(room, middle);
    } finally {
      // A first half that throws is no reason to let the next piece overtake.
      await before;
      isOver();
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(room);
      else next(room);
    }
  }
}

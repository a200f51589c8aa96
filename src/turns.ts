// Hot path: once a slab, where slabs wait in the midst of their work.
/**
 * Work in two halves with a wait between them: the first half of a piece may run while the piece before it waits, the
 * second halves follow each other in the order in which the first ones began. Each piece has a room of its own from its
 * begin to its end; who finds none waits for one.
 */
export class Turns<Room> {
  readonly #free: Room[];
  readonly #waiting: ((room: Room) => void)[] = [];
  #before: Promise<void> = Promise.resolve();

  /** As many pieces are under way at most as there are rooms. */
  constructor(rooms: readonly Room[]) {
    this.#free = [...rooms];
  }

  /** Gives what `end` gives. The room is the next one's when `end` has returned, whatever its result still waits for. */
  async run<Middle, Result>(
    begin: (room: Room) => Middle | Promise<Middle>,
    end: (room: Room, middle: Middle) => Result,
  ): Promise<Awaited<Result>> {
    const room = this.#free.pop() ?? (await new Promise<Room>((resolve) => this.#waiting.push(resolve)));
    const before = this.#before;
    let isOver = (): void => {};
    this.#before = new Promise((resolve) => {
      isOver = resolve;
    });
    try {
      const middle = await begin(room);
      await before;
      return end(room, middle) as Awaited<Result>;
    } finally {
      isOver();
      const next = this.#waiting.shift();
      if (next === undefined) this.#free.push(room);
      else next(room);
    }
  }
}

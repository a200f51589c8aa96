/** A number of places for work that runs at the same time, with a line before them; who finds the line full is told so. */
import { EngineError } from './engine.ts';

export interface Places {
  /** Runs `work` when there is a place. Rejects with EngineError where too many wait already. */
  in<Value>(work: () => Promise<Value>): Promise<Value>;
}

export function createPlaces(countMax: number, waitingMax: number): Places {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < countMax) {
      running += 1;
      return;
    }
    if (waiting.length >= waitingMax) {
      throw new EngineError(
        `Code: 202. DB::Exception: Too many simultaneous queries. Maximum: ${countMax}, and ${waitingMax} in line. (TOO_MANY_SIMULTANEOUS_QUERIES)`,
      );
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  /** The place goes to the next in line, or becomes free. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return {
    async in(work) {
      await enter();
      try {
        return await work();
      } finally {
        leave();
      }
    },
  };
}

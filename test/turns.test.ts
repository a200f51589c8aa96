/** Work in two halves: as many at a time as there are rooms, the second halves in order. */
import { expect, test } from 'vitest';
import { Turns } from '../src/turns.ts';

test('second halves follow each other in the order of the first, and no room is used twice at a time', async () => {
  const used = new Set<number>();
  const log: string[] = [];
  const turns = new Turns([0, 1, 2]);
  // Later pieces are ready earlier.
  const pieces = Array.from({ length: 12 }, (_, piece) =>
    turns.run(
      async (room) => {
        expect(used.has(room)).toBe(false);
        used.add(room);
        log.push(`begin ${piece}`);
        await new Promise((resolve) => setTimeout(resolve, 3 * ((12 - piece) % 4)));
        return piece * 10;
      },
      (room, middle) => {
        used.delete(room);
        log.push(`end ${piece}`);
        return middle + 1;
      },
    ),
  );
  expect(await Promise.all(pieces)).toEqual(Array.from({ length: 12 }, (_, piece) => piece * 10 + 1));
  const of = (half: string) =>
    log.filter((line) => line.startsWith(half)).map((line) => Number(line.split(' ')[1]));
  expect(of('begin')).toEqual(Array.from({ length: 12 }, (_, piece) => piece));
  expect(of('end')).toEqual(Array.from({ length: 12 }, (_, piece) => piece));
});

test('a second half that waits keeps the next one waiting, not its first half', async () => {
  const log: string[] = [];
  const turns = new Turns(['a', 'b']);
  const pieces = Array.from({ length: 4 }, (_, piece) =>
    turns.run(
      () => void log.push(`begin ${piece}`),
      async (room) => {
        log.push(`end ${piece}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        log.push(`over ${piece}`);
        return room;
      },
    ),
  );
  expect(new Set(await Promise.all(pieces))).toEqual(new Set(['a', 'b']));
  const halves = log.filter((line) => !line.startsWith('begin'));
  expect(halves).toEqual([0, 1, 2, 3].flatMap((piece) => [`end ${piece}`, `over ${piece}`]));
  for (let piece = 1; piece < 4; piece++)
    expect(log.indexOf(`begin ${piece}`)).toBeLessThan(log.indexOf(`end ${piece}`));
  expect(log.indexOf('begin 1')).toBeLessThan(log.indexOf('over 0'));
});

test('a piece that throws in either half, at once or later, gives its room and its turn back', async () => {
  const turns = new Turns(['room']);
  const fails = async (half: string, waits: boolean) => {
    const later = () => (waits ? Promise.resolve() : undefined);
    const fail = (): never => {
      throw new Error(half);
    };
    return turns.run(
      () => (half === 'begin' ? (later()?.then(fail) ?? fail()) : later()),
      () => (half === 'end' ? (later()?.then(fail) ?? fail()) : half),
    );
  };
  for (const waits of [false, true]) {
    await expect(fails('begin', waits)).rejects.toThrow('begin');
    await expect(fails('end', waits)).rejects.toThrow('end');
    const behind = [fails('begin', waits), fails('end', waits), fails('neither', waits)];
    const settled = await Promise.allSettled(behind);
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
    expect(await fails('neither', waits)).toBe('neither');
  }
});

test('a first half that throws lets no later piece overtake an earlier one', async () => {
  const log: string[] = [];
  const turns = new Turns(['a', 'b']);
  const first = turns.run(
    () => 1,
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push('first');
    },
  );
  const second = turns.run(
    () => {
      throw new Error('second');
    },
    () => {},
  );
  const third = turns.run(
    () => 3,
    () => void log.push('third'),
  );
  const settled = await Promise.allSettled([first, second, third]);
  expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(log).toEqual(['first', 'third']);
});

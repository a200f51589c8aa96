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

test('a piece that throws in either half gives its room and its turn back', async () => {
  const turns = new Turns(['room']);
  const fails = (half: string) =>
    turns.run(
      () => {
        if (half === 'begin') throw new Error(half);
      },
      () => {
        if (half === 'end') throw new Error(half);
        return half;
      },
    );
  await expect(fails('begin')).rejects.toThrow('begin');
  await expect(fails('end')).rejects.toThrow('end');
  expect(await fails('neither')).toBe('neither');
});

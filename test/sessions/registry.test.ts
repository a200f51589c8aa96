import { beforeEach, describe, expect, test } from 'vitest';
import { encodeEntries, type SessionEntry } from '../../src/sessions/entry.ts';
import { SessionRegistry } from '../../src/sessions/registry.ts';

let nowMs: number;
/** Questions that wait for their answer. */
let questions: ((...answers: SessionEntry[][]) => Promise<void>)[];

beforeEach(() => {
  nowMs = 1000;
  questions = [];
});

function registry(sessionsMax = 3): SessionRegistry {
  const collect = (take: (meta: Uint8Array) => void) =>
    new Promise<void>((resolve) => {
      questions.push(async (...answers) => {
        for (const answer of answers) take(encodeEntries(answer));
        resolve();
        await turns();
      });
    });
  return new SessionRegistry({ sessionsMax, ttlMs: 1000 }, collect, {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
  });
}

async function turns(): Promise<void> {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
}

function entry(key: string, parts: Partial<SessionEntry> = {}): SessionEntry {
  return { key, instance: 1, low: 0, usedAtMs: 1000, ranges: [], ...parts };
}

const isHere = () => false;

test('nobody is told a number before all workers have said what is journaled; then it is all of them together', async () => {
  const sessions = registry();
  let claimed = false;
  const claim = sessions.claim('a', isHere).finally(() => {
    claimed = true;
  });
  await turns();
  expect([claimed, sessions.isRead]).toEqual([false, false]);
  await questions[0]?.([entry('a', { ranges: [1, 3] })], [entry('a', { low: 2, ranges: [6, 7] })]);
  const session = await claim;
  expect([session?.low, session?.seen.ranges, sessions.isRead]).toEqual([3, [6, 7], true]);
});

describe('a session', () => {
  test('that nobody knows begins at 0, and is known from then on', async () => {
    const sessions = registry();
    await questions[0]?.([entry('b', { instance: 9 })]);
    const session = await sessions.claim('a', isHere);
    expect([session?.low, session?.instance]).toEqual([0, 10]);
    session?.seen.add(1, 5);
    if (session !== undefined) sessions.release(session);
    expect((await sessions.claim('a', isHere))?.low).toBe(5);
  });

  test('is taken from the connection that has it, when its messages are back', async () => {
    const sessions = registry();
    await questions[0]?.([]);
    const first = await sessions.claim('a', isHere);
    if (first === undefined) throw new Error('no session');
    let wasReplaced = 0;
    first.owner = {
      replaced: () => {
        wasReplaced += 1;
        sessions.release(first);
      },
    };
    first.inFlight.enter();
    let second: unknown;
    void sessions.claim('a', isHere).then((session) => {
      second = session;
    });
    await turns();
    expect([wasReplaced, second]).toEqual([1, undefined]);
    first.seen.add(1, 1);
    first.inFlight.leave();
    await turns();
    expect(second).toBe(first);
    expect(first.isClaimed).toBe(true);
  });

  test('of two that ask at once goes to both, one after the other', async () => {
    const sessions = registry();
    await questions[0]?.([]);
    const order: string[] = [];
    const claims = ['one', 'two'].map(async (name) => {
      const session = await sessions.claim('a', isHere);
      if (session === undefined) throw new Error('no session');
      order.push(name);
      session.owner = {
        replaced: () => {
          order.push(`${name} replaced`);
          sessions.release(session);
        },
      };
    });
    await Promise.all(claims);
    expect(order).toEqual(['one', 'one replaced', 'two']);
  });

  test('is not claimed for a client that has gone', async () => {
    const sessions = registry();
    await questions[0]?.([]);
    expect(await sessions.claim('a', () => true)).toBeUndefined();
    expect(sessions.count).toBe(0);
  });

  test('begins anew after its time, under another instance', async () => {
    const sessions = registry();
    await questions[0]?.([entry('a', { low: 8 })]);
    nowMs = 2001;
    const session = await sessions.claim('a', isHere);
    expect([session?.low, session?.instance, sessions.evictions]).toEqual([0, 2, 0]);
  });
});

test('beyond the bound the one used longest ago is forgotten, never one with a connection', async () => {
  const sessions = registry(2);
  await questions[0]?.([
    entry('old', { low: 1, usedAtMs: 900 }),
    entry('older', { low: 1, usedAtMs: 800 }),
    entry('new', { low: 1, usedAtMs: 950 }),
  ]);
  expect([sessions.count, sessions.evictions]).toEqual([2, 1]);
  const kept = await sessions.claim('old', isHere);
  expect(kept?.low).toBe(1);
  expect((await sessions.claim('another', isHere))?.low).toBe(0);
  expect(sessions.evictions).toBe(2);
  // Both have connections now.
  expect(await sessions.claim('third', isHere)).toBeUndefined();
  expect(sessions.count).toBe(2);
});

test('after the loss of a worker the journals are asked again, and say what it kept, of what is known only', async () => {
  const sessions = registry();
  await questions[0]?.([entry('a', { low: 4 })]);
  sessions.askAgain();
  const claim = sessions.claim('a', isHere);
  await questions[1]?.(
    [entry('a', { low: 4, ranges: [7, 9] }), entry('a', { instance: 0, low: 99 }), entry('gone', { low: 5 })],
    [],
  );
  const session = await claim;
  expect([session?.low, session?.seen.ranges, sessions.count]).toEqual([4, [7, 9], 1]);
});

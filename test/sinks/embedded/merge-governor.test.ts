/** When merges wait for blocks, and when they do not: the rules, on an engine that is made up. */
import { expect, test } from 'vitest';
import { STORE_HELD_PARTS_MAX, STORE_MERGE_LOST_SECONDS_MAX } from '../../../src/limits.ts';
import { MergeGovernor } from '../../../src/sinks/embedded/store/merge-governor.ts';

function createEngine() {
  const engine = { parts: 10, mergeSeconds: 0, isMerging: true, fails: false };
  const run = async (sql: string) => {
    if (engine.fails) throw new Error('Code: 241. DB::Exception: no memory');
    if (sql.includes('system.parts')) return `${engine.parts}\n`;
    if (sql.includes('system.merges')) return `${engine.mergeSeconds}\n`;
    engine.isMerging = sql === 'SYSTEM START MERGES events';
    return '';
  };
  return { engine, governor: new MergeGovernor(run) };
}

test('merges wait while blocks are inserted all the time, and go on when they are not', async () => {
  const { engine, governor } = createEngine();
  await governor.decide(0.6);
  expect(engine.isMerging).toBe(true);
  await governor.decide(1);
  expect(engine.isMerging).toBe(false);
  await governor.decide(0.7);
  expect(engine.isMerging).toBe(false);
  await governor.decide(0.3);
  expect(engine.isMerging).toBe(true);
});

test('parts do not gather without bound, and are halved before merges wait again', async () => {
  const { engine, governor } = createEngine();
  await governor.decide(1);
  engine.parts = STORE_HELD_PARTS_MAX;
  await governor.decide(1);
  expect(engine.isMerging).toBe(true);
  engine.parts = STORE_HELD_PARTS_MAX - 1;
  await governor.decide(1);
  expect(engine.isMerging).toBe(true);
  engine.parts = STORE_HELD_PARTS_MAX / 2 - 1;
  await governor.decide(1);
  expect(engine.isMerging).toBe(false);
});

test('a merge that has run for a while is not thrown away', async () => {
  const { engine, governor } = createEngine();
  engine.mergeSeconds = STORE_MERGE_LOST_SECONDS_MAX + 1;
  await governor.decide(1);
  expect(engine.isMerging).toBe(true);
});

test('an engine that does not answer leaves everything as it is, and is asked again', async () => {
  const { engine, governor } = createEngine();
  engine.fails = true;
  await expect(governor.decide(1)).rejects.toThrow('no memory');
  expect(governor.isHeld).toBe(false);
  engine.fails = false;
  await governor.decide(1);
  expect(engine.isMerging).toBe(false);
});

/** The circuit breaker: as a state machine against a model, and in deliveries whose target is away, hangs or is slow. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { retryDelayMs } from '../../src/backoff.ts';
import { Breaker, BreakerState } from '../../src/journal/breaker.ts';
import { Cursor } from '../../src/journal/cursor.ts';
import { Delivery } from '../../src/journal/delivery.ts';
import { JournalStream } from '../../src/journal/stream.ts';
import { systemDisk } from '../../src/journal/system-disk.ts';
import { BREAKER_FAILURES_MAX, RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN } from '../../src/limits.ts';
import { until } from '../support/appliance.ts';
import { LineTarget } from './line-target.ts';

const { closed, halfOpen, open } = BreakerState;

describe('the state machine', () => {
  /** The whole history says what the state is. */
  function modelState(history: readonly string[]): BreakerState {
    const lastSuccess = history.lastIndexOf('succeeded');
    const since = history.slice(lastSuccess + 1);
    const failures = since.filter((step) => step === 'failed').length;
    if (failures < BREAKER_FAILURES_MAX) return closed;
    return since.at(-1) === 'begin' ? halfOpen : open;
  }

  test.each([1, 2, 3, 4, 5])('is what a look at the whole history says (seed %i)', (seed) => {
    const random = createRandom(seed);
    const changes: BreakerState[] = [];
    const breaker = new Breaker({ pauseMs: () => 0, onChange: (state) => changes.push(state) });
    const history: string[] = [];
    let retries = 0;
    for (let send = 0; send < 2_000; send++) {
      const before = modelState(history);
      if (history.at(-1) === 'failed') retries += 1;
      breaker.begin();
      history.push('begin');
      expect(breaker.state).toBe(modelState(history));
      const step = random() % 100 < 55 ? 'failed' : 'succeeded';
      breaker[step]();
      history.push(step);
      expect(breaker.state).toBe(modelState(history));
      // A probe is the only way out, and one success is enough.
      if (before === open) expect(breaker.state).toBe(step === 'failed' ? open : closed);
    }
    expect(breaker.failuresTotal).toBe(history.filter((step) => step === 'failed').length);
    expect(breaker.retriesTotal).toBe(retries);
    for (const [index, state] of changes.entries()) expect(state).not.toBe(changes[index - 1]);
    expect(new Set(changes)).toEqual(new Set([closed, halfOpen, open]));
  });

  test('pauses double up to a bound, each with a jitter of its own that follows from the randomness given', () => {
    const draw = (seed: number) => {
      const random = createRandom(seed);
      return Array.from({ length: 40 }, (_, index) => retryDelayMs(index + 1, () => random() / 2 ** 32));
    };
    for (const [index, delayMs] of draw(7).entries()) {
      const full = Math.min(RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN * 2 ** index);
      expect(delayMs).toBeGreaterThanOrEqual(full / 2);
      expect(delayMs).toBeLessThanOrEqual(full);
    }
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(new Set(draw(7).slice(10)).size).toBeGreaterThan(20);
  });
});

describe('a delivery', () => {
  let dir: string;
  let stream: JournalStream;
  let target: LineTarget;
  let delivery: Delivery;
  let rows: string[];
  let states: BreakerState[];

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'penstock-breaker-'));
    stream = await JournalStream.open({
      disk: systemDisk,
      dir,
      segmentBytesMax: 4_000,
      compression: 'none',
      spareBytesMax: 0,
      onDamage: () => {},
    });
    target = new LineTarget('model');
    rows = [];
    states = [];
  });
  afterEach(async () => {
    await delivery.close();
    stream.close();
    rmSync(dir, { recursive: true });
  });

  async function start(sendTimeoutMs = 10_000): Promise<void> {
    const cursor = await Cursor.open(systemDisk, join(dir, 'model.cursor'));
    delivery = new Delivery({
      stream,
      cursor,
      target,
      tokenPrefix: 't',
      blockBytesMax: 1_000,
      flushIntervalMs: 2,
      sendTimeoutMs,
      syncsCursor: false,
      breaker: { pauseMs: () => 5, onChange: (state) => states.push(state) },
      poison: undefined,
      onDelivered: (row) => stream.deleteBefore(row),
    });
  }

  function append(count: number, timeMs = 0): void {
    for (let index = 0; index < count; index++) {
      const line = `row ${rows.length}`;
      rows.push(line);
      const payload = Buffer.from(`${line}\n`);
      delivery.offer(stream.append([payload], 1, timeMs), payload, 1);
    }
  }

  async function drained(): Promise<void> {
    await delivery.drain(AbortSignal.timeout(10_000));
    expect(delivery.deliveredRow).toBe(stream.nextRow);
    expect(target.lines).toEqual(rows);
  }

  test('holds nothing in memory while its target is away, and then brings every row once, in order', async () => {
    await start();
    append(50);
    await until(() => delivery.lagRows === 0, 5_000, 'live');
    target.answer = async () => 'retry';
    append(1);
    await until(() => states.includes(open), 5_000, 'the breaker opens');
    // Between two probes, with thousands of rows that come meanwhile.
    let emptyLooks = 0;
    for (let look = 0; look < 200; look++) {
      append(20);
      if (delivery.breaker.state === open) {
        expect(delivery.memoryBytes).toBe(0);
        emptyLooks += 1;
      } else expect(delivery.memoryBytes).toBeLessThan(1_100);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(emptyLooks).toBeGreaterThan(50);
    const before = target.tokens.length;
    expect(new Set(target.tokens.slice(-10)).size).toBe(1);
    target.answer = async () => 'delivered';
    await drained();
    // The probe had the token of every send before it.
    expect(target.tokens[before]).toBe(target.tokens[before - 1]);
    expect(states.at(-1)).toBe(closed);
    expect(stream.segments.length).toBe(1);
  });

  test('counts a send that hangs as failed, and sends the same block again under the same token', async () => {
    await start(30);
    const hang = (signal: AbortSignal) =>
      new Promise<'retry'>((resolve) => signal.addEventListener('abort', () => resolve('retry')));
    target.answer = hang;
    append(3);
    await until(() => target.tokens.length >= 5, 5_000, 'sent again');
    expect(states).toContain(open);
    expect(new Set(target.tokens).size).toBe(1);
    target.answer = async () => 'delivered';
    append(3);
    await drained();
    expect(delivery.breaker.failuresTotal).toBeGreaterThanOrEqual(4);
  });

  test('a send that was stored, but whose answer is lost, counts once', async () => {
    await start(20);
    let lost = 0;
    const send = target.send.bind(target);
    target.send = async (token, block, signal) => {
      const outcome = await send(token, block, signal);
      if (lost++ >= 4) return outcome;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 'retry';
    };
    append(10);
    await until(() => lost >= 5, 5_000, 'answered in the end');
    await drained();
  });

  test('a target that does not even end when asked to holds one block and is not sent a second', async () => {
    await start(10);
    let release = () => {};
    target.answer = () => new Promise((resolve) => (release = () => resolve('delivered')));
    append(100);
    await until(() => states.includes(open), 5_000, 'the breaker opens');
    append(500);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(target.tokens.length).toBe(1);
    expect(delivery.memoryBytes).toBeLessThan(1_100);
    target.answer = async () => 'delivered';
    release();
    await drained();
  });

  test('a slow target gets bigger blocks, up to their bound, and the rest waits on the disk', async () => {
    await start();
    let slowest = 0;
    target.answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      slowest = Math.max(slowest, delivery.memoryBytes);
      return 'delivered';
    };
    for (let turn = 0; turn < 100; turn++) {
      append(40);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    expect(delivery.lagRows).toBeGreaterThan(1_000);
    await drained();
    expect(slowest).toBeLessThan(2 * 1_100);
    const rowsPerBlock = rows.length / target.stored.size;
    expect(rowsPerBlock).toBeGreaterThan(60);
    expect(states).toEqual([]);
  });

  test('the age of the oldest row follows the block in hand, whatever the clock of the chunks does', async () => {
    await start();
    target.answer = async () => 'retry';
    append(1, 5_000);
    append(10, 3_000);
    await until(() => states.includes(open), 5_000, 'the breaker opens');
    append(10, 9_000);
    expect(delivery.oldestTimeMs).toBe(5_000);
    target.answer = async () => 'delivered';
    await drained();
    expect(delivery.oldestTimeMs).toBeUndefined();
  });
});

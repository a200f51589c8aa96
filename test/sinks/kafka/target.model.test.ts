/**
 * The target against a model of brokers that lose requests, lose answers, move leaders and forget producers: every row is
 * stored, in order, and none twice but where the sender said that it might be. A seed replays exactly.
 */
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../../bench/corpus.ts';
import type { Clock } from '../../../src/clock.ts';
import { BatchField } from '../../../src/sinks/kafka/batch-contract.ts';
import { BatchSender } from '../../../src/sinks/kafka/batch-sender.ts';
import { openCodec } from '../../../src/sinks/kafka/codecs.ts';
import { composeBatch, composeRecord } from '../../../src/sinks/kafka/compose-batch.ts';
import { createKafkaTarget } from '../../../src/sinks/kafka/kafka-target.ts';
import type { RoundMaker } from '../../../src/sinks/kafka/rounds.ts';
import { SinkStatus } from '../../../src/sinks/kafka/status.ts';
import { decodeBatch } from './kafkajs-batches.ts';
import { FAULT_KINDS, type FaultKind, ModelBroker } from './model-broker.ts';

const PARTITIONS = 4;
const ROWS_PER_BLOCK = 40;
/** Records of one batch. */
const BATCH_RECORDS = 5;
/** Faults of the broker's memory of producers, and all others. */
const OF_MEMORY: readonly FaultKind[] = ['unknownProducer', 'outOfOrder', 'staleEpoch'];
const OF_THE_WAY = FAULT_KINDS.filter((kind) => !OF_MEMORY.includes(kind));
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
const STILL: Clock = { nowMs: () => 0, monotonicMs: () => 0 };

/** Rows are lines `<number>`; those of the same remainder are of one partition. */
function createRounds(putAside: string[]): RoundMaker {
  return {
    async make(block, from) {
      const rows = block.toString('latin1', from).split('\n').slice(0, -1);
      const taken = rows.slice(0, ROWS_PER_BLOCK / 2);
      const batches = [];
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const mine = taken.filter((row) => Number.parseInt(row, 10) % PARTITIONS === partition);
        for (let at = 0; at < mine.length; at += BATCH_RECORDS) {
          const records = mine
            .slice(at, at + BATCH_RECORDS)
            .map((row) => composeRecord(1, Buffer.from(row), []));
          const batch = composeBatch(records);
          batches.push(BatchSender.batch('t', partition, records.length, batch, batch));
        }
      }
      return { batches, next: from + taken.join('\n').length + 1 };
    },
    putAside: (value) => void putAside.push(value.toString()),
  };
}

/** A signal that aborts, one time in four, while the send is on its way. */
function late(random: () => number): AbortSignal {
  const controller = new AbortController();
  let turns = random() % 20;
  const turn = () => {
    if (turns === 0) controller.abort();
    else {
      turns -= 1;
      setImmediate(turn);
    }
  };
  if (random() % 4 === 0) turn();
  return controller.signal;
}

interface Outcome {
  /** Rows by partition, as they stand in the log. */
  readonly logs: number[][];
  readonly putAside: string[];
  readonly maybeRepeated: number;
  readonly violations: string[];
  /** The highest epoch under which a batch was stored. */
  readonly lastEpoch: number;
}

async function run(
  seed: number,
  kinds: readonly FaultKind[],
  options: { blocks?: number; acks?: -1 | 1; refusesOver?: number; long?: number } = {},
): Promise<Outcome> {
  const { blocks = 12, acks = -1, refusesOver, long = -1 } = options;
  const random = createRandom(seed);
  const broker = new ModelBroker(PARTITIONS, random, { percent: 12, kinds }, refusesOver);
  const putAside: string[] = [];
  let maybeRepeated = 0;
  const target = createKafkaTarget({
    cluster: broker,
    rounds: createRounds(putAside),
    codec: await openCodec('none'),
    acks,
    timeoutMs: 1000,
    blockBytesMax: 1000,
    status: new SinkStatus(STILL, SILENT).part('t'),
    onMaybeRepeated: (records) => {
      maybeRepeated += records;
    },
  });
  for (let block = 0; block < blocks; block++) {
    const gather = () => {
      const builder = target.begin();
      for (let row = 0; row < ROWS_PER_BLOCK; row++) {
        const number = block * ROWS_PER_BLOCK + row;
        const text = number === long ? `${number}${' '.repeat(2000)}\n` : `${number}\n`;
        builder.add(Buffer.from(text), 1);
      }
      return builder;
    };
    let builder = gather();
    let tries = 0;
    while ((await target.send(`block-${block}`, builder, late(random))) === 'retry') {
      if (++tries > 1000) throw new Error(`seed ${seed}: block ${block} is never delivered`);
      if (random() % 3 > 0) continue;
      // As a breaker that opens has it: the block is given back, and gathered again from the same rows.
      builder.release();
      builder = gather();
    }
    builder.release();
  }
  const logs = [];
  let lastEpoch = -1;
  for (const { stored } of broker.partitions) {
    const rows: number[] = [];
    for (const { batch } of stored) {
      lastEpoch = Math.max(lastEpoch, batch.readInt16BE(BatchField.producerEpoch));
      for (const { value } of (await decodeBatch(batch)).records)
        rows.push(Number.parseInt(value.toString(), 10));
    }
    logs.push(rows);
  }
  return { logs, putAside, maybeRepeated, violations: broker.violations, lastEpoch };
}

function rowsOf(partition: number, blocks: number): number[] {
  return Array.from({ length: blocks * ROWS_PER_BLOCK }, (_, row) => row).filter(
    (row) => row % PARTITIONS === partition,
  );
}

describe('whatever brokers do', () => {
  /** Seeds from the clock would make a failure hard to find again. */
  const seeds = Array.from({ length: 60 }, (_, index) => index + 1);

  test('without faults of the broker’s memory each row is stored once, in order', async () => {
    for (const seed of seeds) {
      const { logs, maybeRepeated, violations } = await run(seed, OF_THE_WAY);
      expect(violations, `seed ${seed}`).toEqual([]);
      expect(maybeRepeated, `seed ${seed}`).toBe(0);
      for (const [partition, rows] of logs.entries())
        expect(rows, `seed ${seed}`).toEqual(rowsOf(partition, 12));
    }
  });

  test('with them no row is lost, first copies are in order, and every second one was told', async () => {
    let told = 0;
    for (const seed of seeds) {
      const { logs, maybeRepeated, violations } = await run(seed, FAULT_KINDS);
      expect(violations, `seed ${seed}`).toEqual([]);
      const repeats = logs.reduce((sum, rows) => sum + rows.length - new Set(rows).size, 0);
      expect(repeats, `seed ${seed}`).toBeLessThanOrEqual(maybeRepeated);
      told += maybeRepeated;
      for (const [partition, rows] of logs.entries())
        expect([...new Set(rows)], `seed ${seed}`).toEqual(rowsOf(partition, 12));
    }
    expect(told).toBeGreaterThan(0);
  });

  test.each(OF_MEMORY)('with %s alone, again and again, each block comes through', async (kind) => {
    for (const seed of seeds.slice(0, 20)) {
      const { logs, maybeRepeated } = await run(seed, [kind]);
      // Every batch has its answer here, so none is in doubt.
      expect(maybeRepeated, `seed ${seed}`).toBe(0);
      for (const [partition, rows] of logs.entries())
        expect(rows, `seed ${seed}`).toEqual(rowsOf(partition, 12));
    }
  });

  test('with acks 1 no row is lost, and every second copy was told', async () => {
    for (const seed of seeds) {
      const { logs, maybeRepeated, violations } = await run(seed, FAULT_KINDS, { acks: 1 });
      expect(violations, `seed ${seed}`).toEqual([]);
      const repeats = logs.reduce((sum, rows) => sum + rows.length - new Set(rows).size, 0);
      expect(repeats, `seed ${seed}`).toBeLessThanOrEqual(maybeRepeated);
      for (const [partition, rows] of logs.entries())
        expect([...new Set(rows)], `seed ${seed}`).toEqual(rowsOf(partition, 12));
    }
  });

  test('a row that is refused is put aside alone, and the others keep their order', async () => {
    for (const seed of seeds.slice(0, 20)) {
      const long = seed * 7;
      const { logs, putAside, violations, lastEpoch } = await run(seed, OF_THE_WAY, {
        refusesOver: 1000,
        long,
      });
      expect(violations, `seed ${seed}`).toEqual([]);
      // The sequence of what was refused is given to what comes next, so that no epoch was needed.
      expect(lastEpoch, `seed ${seed}`).toBe(0);
      expect(
        putAside.map((value) => value.trim()),
        `seed ${seed}`,
      ).toEqual([String(long)]);
      for (const [partition, rows] of logs.entries())
        expect(rows, `seed ${seed}`).toEqual(rowsOf(partition, 12).filter((row) => row !== long));
    }
  });
});

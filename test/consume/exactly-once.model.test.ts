/**
 * Partitions through many generations: consumers that are killed between any two steps, that go on after others have their
 * partitions, answers that are lost, commits and inserts that arrive late. In the end every event is in ClickHouse once, but for
 * those that it refuses, which are dead letters, as is every record that is no event; and nothing else is.
 *
 * Each step of the protocol that is left out is found by the same test.
 */
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { systemClock } from '../../src/clock.ts';
import { Assembler, openCodecs } from '../../src/consume/assembler.ts';
import { newLineage, type Place, type Progress, readProgress } from '../../src/consume/contract.ts';
import { createReferenceDecoder } from '../../src/consume/decode-reference.ts';
import { Inserter } from '../../src/consume/inserter.ts';
import { Lane, type LaneParts } from '../../src/consume/lane.ts';
import { Breaker } from '../../src/journal/breaker.ts';
import { canonicalLine, ModelClickHouse, ModelCoordinator, ModelTopic, turn } from './model.ts';

const PARTITIONS = 3;
const GENERATIONS = 12;

/** Ways to break the protocol. */
interface Mutation {
  readonly commit?: (commit: LaneParts['commit']) => LaneParts['commit'];
  readonly token?: (token: string) => string;
  readonly start?: (progress: Progress) => Progress;
}

interface World {
  readonly random: () => number;
  readonly topics: ModelTopic[];
  readonly coordinator: ModelCoordinator;
  readonly clickhouse: ModelClickHouse;
  readonly faults: { percent: number };
  /** `partition/offset` of all letters. */
  readonly letters: Set<string>;
  readonly events: string[];
  /** `partition/offset` of what must become letters. */
  readonly poison: Set<string>;
  readonly codecs: Awaited<ReturnType<typeof openCodecs>>;
}

/** One consumer's time with all partitions. */
interface Life {
  readonly lanes: Lane[];
  readonly running: Promise<unknown>;
  isKilled: boolean;
}

const isRefused = (id: string) => Number(id.slice(2)) % 41 === 5;

async function createWorld(seed: number): Promise<World> {
  const numbers = createRandom(seed);
  const random = () => numbers() / 2 ** 32;
  const faults = { percent: 25 };
  return {
    random,
    faults,
    topics: Array.from({ length: PARTITIONS }, () => new ModelTopic()),
    coordinator: new ModelCoordinator(random, faults),
    clickhouse: new ModelClickHouse(random, faults, isRefused),
    letters: new Set(),
    events: [],
    poison: new Set(),
    codecs: await openCodecs(() => {}),
  };
}

/** A batch of a few records, some of which are no events. */
function produce(world: World, partition: number): void {
  const topic = world.topics[partition] as ModelTopic;
  const values = Array.from({ length: 1 + Math.floor(world.random() * 6) }, (_, index) => {
    if (world.random() >= 0.08) {
      const id = `e-${world.events.length}`;
      world.events.push(id);
      if (isRefused(id)) world.poison.add(`${partition}/${topic.endOffset + index}`);
      return canonicalLine(id);
    }
    world.poison.add(`${partition}/${topic.endOffset + index}`);
    return world.random() < 0.3
      ? undefined
      : ['garbage', '{"foreign":1}', ''][Math.floor(world.random() * 3)];
  });
  topic.append(values);
}

function begin(world: World, mutation: Mutation): Life {
  const { coordinator, clickhouse, random, codecs, letters } = world;
  const generation = ++coordinator.generation;
  const life: Life = { lanes: [], running: Promise.resolve(), isKilled: false };
  const target = clickhouse.target(() => !life.isKilled, mutation.token);
  const assembler = new Assembler(createReferenceDecoder(), codecs);
  const inserter = new Inserter({
    target,
    assembler,
    breaker: new Breaker({ pauseMs: () => 0, onChange: () => {} }),
    sendTimeoutMs: 10_000,
    blocksMax: 2,
    untilKnown: async () => true,
  });
  const commit: LaneParts['commit'] = async (entry) =>
    life.isKilled ? new Promise<never>(() => {}) : coordinator.commit(generation, entry);
  const parts: LaneParts = {
    target,
    assembler,
    inserter,
    commit: mutation.commit?.(commit) ?? commit,
    putAside: async (some, ending) => {
      await turn();
      if (life.isKilled) return new Promise<never>(() => {});
      if (ending.isOver) return false;
      for (const { partition, offset } of some) letters.add(`${partition}/${offset}`);
      return true;
    },
    onTrouble: (_, error) => {
      throw error;
    },
    clock: systemClock,
    bounds: { rowsMax: 1 + Math.floor(random() * 12), bytesMax: 1e6 },
    flushIntervalMs: 0,
  };
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const place: Place = { topic: 'events', partition };
    const { offset, metadata } = coordinator.offsets.get(`events/${partition}`) ?? {
      offset: 0,
      metadata: null,
    };
    const known = readProgress(offset, metadata);
    const progress = known ?? { offset, end: offset, lineage: newLineage() };
    // As starts.ts does it.
    if (known === undefined)
      coordinator.offsets.set(`events/${partition}`, {
        offset,
        metadata: `penstock1 ${progress.lineage} ${offset}`,
      });
    life.lanes.push(new Lane(place, mutation.start?.(progress) ?? progress, parts));
  }
  return Object.assign(life, { running: Promise.all(life.lanes.map((lane) => lane.run())) });
}

function feed(world: World, { lanes }: Life): void {
  for (const lane of lanes) {
    const topic = world.topics[lane.place.partition] as ModelTopic;
    if (!lane.wantsMore || lane.position >= topic.endOffset) continue;
    lane.take(topic.fetch(lane.position, 1 + Math.floor(world.random() * 3)), topic.endOffset);
  }
}

/** What is wrong in the end; empty when nothing is. */
async function live(seed: number, mutation: Mutation = {}): Promise<string[]> {
  const world = await createWorld(seed);
  const zombies: Life[] = [];
  for (let round = 0; round < GENERATIONS; round++) {
    const life = begin(world, mutation);
    for (let step = 0; step < 30; step++) {
      if (world.random() < 0.6) produce(world, Math.floor(world.random() * PARTITIONS));
      for (const one of [life, ...zombies]) feed(world, one);
      await turn();
      if (world.random() < 0.1) world.coordinator.arrive();
      if (world.random() < 0.1) world.clickhouse.arrive();
      if (world.random() < 0.2) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const fate = world.random();
    if (fate < 0.5) life.isKilled = true;
    else if (fate < 0.75) zombies.push(life);
    else {
      for (const lane of life.lanes) lane.finish();
      await Promise.race([life.running, new Promise((resolve) => setTimeout(resolve, 5))]);
      for (const lane of life.lanes) lane.end();
    }
  }
  world.faults.percent = 0;
  const last = begin(world, mutation);
  const isDone = () =>
    last.lanes.every((lane) => lane.progress.offset >= (world.topics[lane.place.partition]?.endOffset ?? 0));
  const deadline = performance.now() + 10_000;
  while (!isDone() && performance.now() < deadline) {
    feed(world, last);
    world.coordinator.arrive();
    world.clickhouse.arrive();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const life of [last, ...zombies]) for (const lane of life.lanes) lane.end();
  world.clickhouse.arrive();
  return faultsOf(world, isDone());
}

function faultsOf({ events, clickhouse, letters, poison }: World, isDone: boolean): string[] {
  const faults = isDone ? [] : ['not all was consumed'];
  // A model in which nothing happens proves nothing.
  if (events.length < 100 || clickhouse.tokens.size < 30) faults.push('there was too little to do');
  for (const id of events) {
    const copies = clickhouse.rows.get(id) ?? 0;
    const expected = isRefused(id) ? 0 : 1;
    if (copies !== expected) faults.push(`${id} is there ${copies} times`);
  }
  for (const place of poison) if (!letters.has(place)) faults.push(`${place} is no letter`);
  for (const place of letters) if (!poison.has(place)) faults.push(`${place} is a letter`);
  return faults;
}

test.each(Array.from({ length: 24 }, (_, index) => index + 1))(
  'every record is brought once (seed %i)',
  async (seed) => {
    expect(await live(seed)).toEqual([]);
  },
  30_000,
);

describe('what the protocol needs', () => {
  const MUTATIONS: readonly (readonly [name: string, mutation: Mutation])[] = [
    [
      'the range is noted before the insert',
      { commit: (commit) => async (entry) => (entry.end > entry.offset ? 'committed' : commit(entry)) },
    ],
    [
      'the offset is committed behind the insert, not before it',
      { commit: (commit) => async (entry) => commit({ ...entry, offset: entry.end }) },
    ],
    [
      'a noted block is made again as it was',
      { start: (progress) => ({ ...progress, end: progress.offset }) },
    ],
    [
      'a token is the same for ever',
      {
        token: (
          (count) => (token: string) =>
            `${token}-${count++}`
        )(0),
      },
    ],
    ['a lineage is kept', { start: (progress) => ({ ...progress, lineage: newLineage() }) }],
    [
      'a commit whose answer was lost is not made again in its generation',
      {
        commit: (commit) => async (entry) => {
          let outcome = await commit(entry);
          for (let tries = 0; outcome === 'lost' && tries < 5; tries++) outcome = await commit(entry);
          return outcome;
        },
      },
    ],
  ];

  test.each(MUTATIONS)(
    '%s',
    async (_, mutation) => {
      const found: string[] = [];
      for (let seed = 1; seed <= 60 && found.length === 0; seed++)
        found.push(...(await live(seed, mutation)).filter((fault) => /times$/.test(fault)));
      expect(found).not.toEqual([]);
    },
    120_000,
  );
});

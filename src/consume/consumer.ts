/**
 * The consumer's life: joins its group, takes the partitions that it is given through their lanes, and gives them back when
 * partitions are dealt anew, or at the end.
 *
 *   join ─▶ round: starts ─▶ lanes and their fetcher ─▶ finish the blocks in hand ─▶ (another round, or join, or leave)
 *
 * A round ends when the generation does, at the end, or because a lane must begin elsewhere. Blocks in hand have
 * `graceMs` then; a ClickHouse that takes none is not waited for.
 */
import { createBackoff, pause } from '../backoff.ts';
import { Ending } from '../journal/ending.ts';
import { RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MIN, SINK_FAILURE_LOG_INTERVAL_MS } from '../limits.ts';
import type { KafkaCluster } from '../sinks/kafka/cluster.ts';
import type { SinkLogger } from '../sinks/sink.ts';
import { type Place, placeName } from './contract.ts';
import { Fetcher } from './fetcher.ts';
import { type Generation, Group } from './group.ts';
import { Lane, type LaneParts } from './lane.ts';
import { findRange, findStarts, type OffsetRange, type Start } from './starts.ts';

export interface ConsumerOptions {
  /** For the group, offsets and dead letters … */
  readonly control: KafkaCluster;
  /** … and for fetches, which hold up what comes behind them. */
  readonly fetching: KafkaCluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Where a partition begins that nobody has committed of. */
  readonly from: keyof OffsetRange;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** For blocks in hand at the end of a round. */
  readonly graceMs: number;
  readonly gatheredBytesMax: number;
  readonly lanes: Omit<LaneParts, 'commit' | 'onTrouble'>;
  readonly logger: SinkLogger;
}

export type ConsumerState = 'joining' | 'consuming' | 'failing' | 'stopping';

export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #group: Group;
  readonly #stopping = new Ending();
  readonly #told = new Map<string, { text: string; atMs: number }>();
  #lanes: readonly Lane[] = [];
  #isJoined = false;
  #isFetching = false;
  #generations = 0;
  #lostOffsets = 0;

  constructor(options: ConsumerOptions) {
    this.#options = options;
    this.#group = new Group({ ...options, cluster: options.control });
  }

  /** Those of the partitions that it has now. */
  get lanes(): readonly Lane[] {
    return this.#lanes;
  }

  /** Times that partitions were dealt to it. */
  get generations(): number {
    return this.#generations;
  }

  /** Offsets that Kafka had let go of before they were read. */
  get lostOffsets(): number {
    return this.#lostOffsets;
  }

  get state(): ConsumerState {
    if (this.#stopping.isOver) return 'stopping';
    if (!this.#isJoined) return 'joining';
    return this.#isFetching || this.#lanes.length === 0 ? 'consuming' : 'failing';
  }

  /** Ends `run` behind the blocks in hand. */
  stop(): void {
    this.#stopping.end();
  }

  /** Consumes until `stop`. Never rejects. */
  async run(): Promise<void> {
    const backoff = createBackoff();
    while (!this.#stopping.isOver) {
      const generation = await this.#stopping.before(this.#join());
      if (generation === undefined) {
        if (!this.#stopping.isOver) await this.#stopping.pause(backoff.next());
        continue;
      }
      backoff.reset();
      await this.#serve(generation);
      this.#isJoined = false;
      await generation.end(this.#stopping.isOver);
    }
    await this.#group.leave();
  }

  async #join(): Promise<Generation | undefined> {
    const { groupId, logger } = this.#options;
    try {
      const generation = await this.#group.join();
      // It came too late to be used.
      if (this.#stopping.isOver) {
        await generation.end(true);
        return undefined;
      }
      this.#generations += 1;
      const partitions = generation.places.map(placeName);
      logger.info({ group: groupId, generation: generation.id, partitions }, 'partitions were dealt');
      return generation;
    } catch (error) {
      this.trouble('group', error);
      return undefined;
    }
  }

  /** Round after round until the generation or all ends. */
  async #serve(generation: Generation): Promise<void> {
    const { control, from } = this.#options;
    const backoff = createBackoff();
    const resets = new Map<string, number>();
    while (generation.state === 'current' && !this.#stopping.isOver) {
      try {
        await control.require(this.#options.topics);
        const starts = await findStarts(generation, control, from, resets);
        resets.clear();
        this.#isJoined = true;
        backoff.reset();
        await this.#round(generation, starts, resets);
        if (generation.state === 'current') await this.#stopping.pause(RETRY_DELAY_MS_MIN);
      } catch (error) {
        this.trouble('offsets', error);
        await this.#stopping.pause(backoff.next());
      }
    }
  }

  async #round(generation: Generation, starts: readonly Start[], resets: Map<string, number>): Promise<void> {
    const { control, fetching, topics, gatheredBytesMax, lanes: parts, graceMs } = this.#options;
    const ending = new Ending();
    const onTrouble = (place: Place, error: unknown) => this.trouble(placeName(place), error);
    const commit: LaneParts['commit'] = (entry) => generation.commit([entry]);
    const lanes = starts.map(
      ({ place, progress }) => new Lane(place, progress, { ...parts, commit, onTrouble }),
    );
    this.#lanes = lanes;
    let endRound = () => {};
    const isOver = new Promise<void>((resolve) => {
      endRound = resolve;
    });
    const fetcher = new Fetcher({
      cluster: fetching,
      topics,
      lanes,
      gatheredBytesMax,
      ending,
      isPaused: () => parts.inserter.isPaused,
      onGrown: () => generation.rebalance(),
      onGone: () => {
        control.expire();
        endRound();
      },
      onOutOfRange: (lane) => this.#find(lane, generation, resets, endRound),
      onFailed: (error) => {
        this.#isFetching = false;
        this.trouble('fetch', error);
      },
      onFetched: () => {
        this.#isFetching = true;
      },
    });
    // A fetch in the air is not waited for: what it brings is not looked at.
    if (lanes.length > 0) {
      await fetching.require(topics);
      void fetcher.run();
    }
    const running = Promise.all(lanes.map((lane) => lane.run()));
    await this.#stopping.before(Promise.race([generation.changed(), isOver]));
    ending.end();
    for (const lane of lanes) lane.finish();
    if (!parts.inserter.isPaused) await Promise.race([running, pause(graceMs)]);
    for (const lane of lanes) lane.end();
    await running;
    this.#lanes = [];
  }

  /** Finds where a lane goes on whose position Kafka has not, or has no more. Never rejects. */
  async #find(
    lane: Lane,
    generation: Generation,
    resets: Map<string, number>,
    endRound: () => void,
  ): Promise<void> {
    const { control, logger } = this.#options;
    const { place, position } = lane;
    try {
      const { earliest, latest } = await findRange(control, place);
      if (position < earliest) {
        this.#lostOffsets += earliest - position;
        const facts = { partition: placeName(place), from: position, to: earliest };
        logger.error(
          facts,
          'Kafka let records go before they were read: its retention is shorter than the outage',
        );
        lane.skipTo(earliest);
      } else if (position > latest) {
        const answers = await generation.committed();
        const answer = answers.find((one) => placeName(one) === placeName(place));
        // Kafka forgets the offsets of a topic that is deleted: then this is another of its name, and begins anew.
        const isNew = Number(answer?.offset ?? -1) < 0;
        const offset = isNew ? earliest : latest;
        const facts = { partition: placeName(place), position, goesOnAt: offset };
        logger.error(facts, isNew ? 'the topic was made anew' : 'Kafka has lost records that were read');
        resets.set(placeName(place), offset);
        endRound();
      }
    } catch (error) {
      this.trouble(placeName(place), error);
      await this.#stopping.pause(RETRY_DELAY_MS_MAX);
    }
  }

  /** Tells of a failure, once while it stays the same. */
  readonly trouble = (where: string, error: unknown): void => {
    const { logger, lanes } = this.#options;
    const text = error instanceof Error ? error.message : String(error);
    const nowMs = lanes.clock.monotonicMs();
    const told = this.#told.get(where);
    if (told?.text === text && nowMs - told.atMs < SINK_FAILURE_LOG_INTERVAL_MS) return;
    this.#told.set(where, { text, atMs: nowMs });
    logger.warn({ where, reason: text }, 'the consumer waits and tries again');
  };
}

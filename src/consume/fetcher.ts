/**
 * Fetches for lanes: one request at a time to each broker that leads one of them, for all of its lanes that want more, with
 * connections of its own (a broker holds a fetch back, and what else the connection is asked waits behind it).
 *
 * What gathers in all lanes is bounded by `gatheredBytesMax`; when it is reached, the lane that has most makes its block at
 * once. Nothing is fetched while `isPaused`.
 */
import { createBackoff } from '../backoff.ts';
import type { Ending } from '../journal/ending.ts';
import {
  CONSUME_DAMAGED_FETCHES_MAX,
  CONSUME_FETCH_BYTES_MAX,
  CONSUME_FETCH_BYTES_MIN,
  CONSUME_FETCH_PARTITION_BYTES_MAX,
  CONSUME_FETCH_WAIT_MS,
  CONSUME_METADATA_INTERVAL_MS,
} from '../limits.ts';
import type { KafkaCluster } from '../sinks/kafka/cluster.ts';
import { describeErrorCode } from '../sinks/kafka/kafkajs-bridge.ts';
import { placeName } from './contract.ts';
import { type FetchAnswer, type FetchedPartition, readFetchAnswer } from './fetch-response.ts';
import { byTopic, Code } from './group-requests.ts';
import type { Lane } from './lane.ts';
import { DamagedBatchError, splitBatches } from './raw-batch.ts';

export interface FetcherOptions {
  readonly cluster: Pick<KafkaCluster, 'topic' | 'require' | 'node' | 'drop' | 'expire'>;
  readonly topics: readonly string[];
  readonly lanes: readonly Lane[];
  readonly gatheredBytesMax: number;
  readonly isPaused: () => boolean;
  /** A topic has other than `partitionCount` partitions by now. */
  readonly onGrown: () => void;
  /** A topic is gone, if only for a moment: it may be another one that comes back under its name. */
  readonly onGone: () => void;
  /** The lane's position is none of the partition's any more. Resolves when it may be fetched again. */
  readonly onOutOfRange: (lane: Lane) => Promise<void>;
  readonly onFailed: (error: unknown) => void;
  readonly onFetched: () => void;
  readonly ending: Ending;
}

/** How often is looked whether lanes want more, or have another leader. */
const LOOK_INTERVAL_MS = 20;
const READ_COMMITTED = 1;

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #byPlace: ReadonlyMap<string, Lane>;
  /** Brokers that are asked now. */
  readonly #serving = new Map<number, Promise<void>>();
  /** Lanes whose position is looked for. */
  readonly #lost = new Set<Lane>();
  readonly #damaged = new Map<Lane, number>();
  #turn = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#byPlace = new Map(options.lanes.map((lane) => [placeName(lane.place), lane]));
  }

  /** Fetches until the end. Never rejects. */
  async run(): Promise<void> {
    const { ending, lanes, cluster, topics } = this.#options;
    const backoff = createBackoff();
    const counts = topics.map((topic) => cluster.topic(topic)?.leaders.length);
    let waitedMs = 0;
    while (!ending.isOver) {
      if (lanes.some((lane) => this.#leaderOf(lane) < 0) || waitedMs >= CONSUME_METADATA_INTERVAL_MS) {
        if (await this.#refresh()) backoff.reset();
        else await ending.pause(backoff.next());
        waitedMs = 0;
        const isGrown = topics.some((topic, index) => {
          const count = cluster.topic(topic)?.leaders.length;
          return counts[index] !== undefined && count !== undefined && count !== counts[index];
        });
        if (isGrown) this.#options.onGrown();
      }
      for (const lane of lanes) this.#serve(this.#leaderOf(lane));
      this.#relieve();
      await ending.pause(LOOK_INTERVAL_MS);
      waitedMs += LOOK_INTERVAL_MS;
    }
    await Promise.all(this.#serving.values());
  }

  async #refresh(): Promise<boolean> {
    const { cluster, topics, onFailed } = this.#options;
    cluster.expire();
    try {
      await cluster.require(topics);
      return true;
    } catch (error) {
      onFailed(error);
      return false;
    }
  }

  #leaderOf({ place }: Lane): number {
    return this.#options.cluster.topic(place.topic)?.leaders[place.partition] ?? -1;
  }

  /** Memory is short: the lane that has most gives its block away. */
  #relieve(): void {
    if (this.#room() > 0) return;
    const [largest] = this.#options.lanes.toSorted((left, right) => right.gatheredBytes - left.gatheredBytes);
    largest?.flush();
  }

  #room(): number {
    const gathered = this.#options.lanes.reduce((sum, lane) => sum + lane.gatheredBytes, 0);
    return this.#options.gatheredBytesMax - gathered;
  }

  #serve(node: number): void {
    if (node < 0 || this.#serving.has(node)) return;
    const serving = this.#serveNode(node).finally(() => this.#serving.delete(node));
    this.#serving.set(node, serving);
  }

  /** Asks one broker until it leads none of the lanes. */
  async #serveNode(node: number): Promise<void> {
    const { ending, lanes, isPaused, onFailed, onFetched } = this.#options;
    const backoff = createBackoff();
    while (!ending.isOver) {
      const own = lanes.filter((lane) => this.#leaderOf(lane) === node);
      if (own.length === 0) return;
      // A noted block must become whole, also when memory is short.
      const isShort = this.#room() <= 0;
      const wanting = own.filter(
        (lane) => lane.wantsMore && !this.#lost.has(lane) && (!isShort || lane.position < lane.progress.end),
      );
      if (wanting.length === 0 || isPaused()) {
        await ending.pause(LOOK_INTERVAL_MS);
        continue;
      }
      try {
        await this.#fetch(node, wanting);
        backoff.reset();
        onFetched();
      } catch (error) {
        if (ending.isOver) return;
        onFailed(error);
        await ending.pause(backoff.next());
        await this.#refresh();
      }
    }
  }

  /** One request. Rejects with why it failed, or the first of its partitions did. */
  async #fetch(node: number, lanes: readonly Lane[]): Promise<void> {
    const { cluster, ending } = this.#options;
    const link = await cluster.node(node);
    const first = this.#turn++ % lanes.length;
    // A broker fills its answer in the order in which it is asked.
    const entries = [...lanes.slice(first), ...lanes.slice(0, first)].map((lane) => ({
      ...lane.place,
      lane,
    }));
    const request = {
      maxWaitTime: CONSUME_FETCH_WAIT_MS,
      minBytes: CONSUME_FETCH_BYTES_MIN,
      maxBytes: CONSUME_FETCH_BYTES_MAX,
      isolationLevel: READ_COMMITTED,
      topics: byTopic(entries, ({ partition, lane }) => ({
        partition,
        fetchOffset: String(lane.position),
        maxBytes: CONSUME_FETCH_PARTITION_BYTES_MAX,
      })),
    };
    let answer: FetchAnswer;
    try {
      answer = await link.call('Fetch', request, readFetchAnswer);
    } catch (error) {
      cluster.drop(link);
      throw error;
    }
    if (ending.isOver) return;
    if (answer.errorCode !== Code.none) throw new Error(`fetch: ${describeErrorCode(answer.errorCode)}`);
    const failures = answer.partitions.map((partition) => this.#take(partition));
    const failure = failures.find((error) => error !== undefined);
    if (failure instanceof DamagedBatchError) cluster.drop(link);
    if (failure !== undefined) throw failure;
  }

  /** Gives a partition's records to its lane; or why not. */
  #take(partition: FetchedPartition): Error | undefined {
    const lane = this.#byPlace.get(placeName(partition));
    if (lane === undefined) return undefined;
    const { errorCode, endOffset, aborted, records } = partition;
    if (errorCode === Code.offsetOutOfRange) {
      this.#find(lane);
      return undefined;
    }
    if (errorCode === Code.unknownTopic) this.#options.onGone();
    if (errorCode !== Code.none) return new Error(`${placeName(partition)}: ${describeErrorCode(errorCode)}`);
    const damages = this.#damaged.get(lane) ?? 0;
    try {
      // COPY: the answer holds the records of others, and lives as long as they do.
      lane.take(
        splitBatches(Buffer.from(records), aborted, damages >= CONSUME_DAMAGED_FETCHES_MAX),
        endOffset,
      );
      this.#damaged.delete(lane);
      return undefined;
    } catch (error) {
      this.#damaged.set(lane, damages + 1);
      return new DamagedBatchError(
        `${placeName(partition)}: ${error instanceof Error ? error.message : error}`,
      );
    }
  }

  #find(lane: Lane): void {
    this.#lost.add(lane);
    void this.#options.onOutOfRange(lane).finally(() => this.#lost.delete(lane));
  }
}

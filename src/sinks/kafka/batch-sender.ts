/**
 * Sends record batches for one delivery. It has one batch of a partition in the air; a batch that failed is sent again,
 * the same bytes under the same sequence, before anything else goes to its partition. So a broker that has it already
 * drops the repeat, and the order of a partition is the order of the journal.
 *
 * A batch is settled when its `state` is `stored` or `refused`; one that is neither after `send` waits for the next call.
 */
import { type BrokerLink, describeErrorCode, isBrokerAnswer } from './kafkajs-bridge.ts';
import { Verdict, verdictOf } from './produce-errors.ts';
import { encodeProduceRequest, groupBy, type ProduceSettings } from './produce-request.ts';
import { type BatchProducer, NO_PRODUCER, sealBatch } from './record-batch.ts';
import { Sequences } from './sequences.ts';

/** What is needed of a connection; kafkajs-bridge.ts has it. */
export type SenderLink = Pick<BrokerLink, 'address' | 'canProduce' | 'produce' | 'initProducerId'>;

/** What is needed of the brokers; cluster.ts has it. */
export interface SenderCluster {
  topic(name: string): { readonly leaders: readonly number[] } | undefined;
  require(topics: readonly string[]): Promise<void>;
  node(nodeId: number): Promise<SenderLink>;
  someNode(): Promise<SenderLink>;
  drop(link: SenderLink): void;
  expire(): void;
}

/** Sends are told of it by its fields `state`, `stamp` and `isAmbiguous`, which are the sender's. */
export interface OutgoingBatch {
  readonly topic: string;
  readonly partition: number;
  readonly recordCount: number;
  /** Not compressed, to be cut when the broker refuses it. VIEW of an output that stays until the batch is settled. */
  readonly plain: Buffer;
  /** What is sent: `plain` or its compressed form; sealed in place. */
  readonly bytes: Buffer;
  state: 'waiting' | 'stored' | 'refused';
  stamp: BatchProducer | undefined;
  /** It was sent, and no answer says whether it is stored. */
  isAmbiguous: boolean;
}

export interface BatchSenderOptions extends ProduceSettings {
  /** Called with the records of a batch that is sent anew though the broker may have it: its repeat is not dropped. */
  readonly onMaybeRepeated: (records: number) => void;
}

/** One a delivery. */
export class BatchSender {
  readonly #cluster: SenderCluster;
  readonly #options: BatchSenderOptions;
  readonly #isIdempotent: boolean;
  readonly #sequences = new Sequences();
  #failure: unknown;

  constructor(cluster: SenderCluster, options: BatchSenderOptions) {
    this.#cluster = cluster;
    this.#options = options;
    // A leader that answers alone may forget what it answered for, sequences included.
    this.#isIdempotent = options.acks === -1;
  }

  /** Why the last `send` left batches waiting; undefined when it was only asked to end. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A batch that waits to be sent. */
  static batch(
    topic: string,
    partition: number,
    recordCount: number,
    plain: Buffer,
    bytes: Buffer,
  ): OutgoingBatch {
    const start = { state: 'waiting', stamp: undefined, isAmbiguous: false } as const;
    return { topic, partition, recordCount, plain, bytes, ...start };
  }

  /**
   * Resolves when each batch was stored, refused or has failed once; after `signal` aborted, with what is in the air then.
   * Never rejects.
   */
  async send(batches: readonly OutgoingBatch[], signal: AbortSignal): Promise<void> {
    const blocked = new Set<string>();
    this.#failure = undefined;
    while (!signal.aborted) {
      const wave = headsOf(batches, blocked);
      if (wave.length === 0) return;
      try {
        await this.#prepare(wave);
      } catch (error) {
        this.#failure = error;
        return;
      }
      for (const batch of wave) this.#seal(batch);
      const byLeader = groupBy(wave, ({ topic, partition }) => this.#leader(topic, partition));
      await Promise.all([...byLeader].map(([leader, ofLeader]) => this.#sendTo(leader, ofLeader)));
      for (const batch of wave) if (batch.state !== 'stored') blocked.add(laneOf(batch));
    }
  }

  /** Gives up batches that were not settled; their partitions begin anew. */
  abandon(batches: readonly OutgoingBatch[]): void {
    const isLost = batches.some(({ state, stamp }) => state === 'waiting' && stamp !== undefined);
    if (isLost) this.#sequences.forget();
  }

  async #prepare(wave: readonly OutgoingBatch[]): Promise<void> {
    await this.#cluster.require([...new Set(wave.map(({ topic }) => topic))]);
    if (!this.#isIdempotent || !this.#sequences.needsIdentity) return;
    // Batches that have a stamp keep it: its producer id still tells a repeat.
    const link = await this.#cluster.someNode();
    try {
      this.#sequences.begin(await link.initProducerId());
    } catch (error) {
      if (!isBrokerAnswer(error)) this.#cluster.drop(link);
      throw error;
    }
  }

  #leader(topic: string, partition: number): number {
    return this.#cluster.topic(topic)?.leaders[partition] ?? -1;
  }

  /** One request with all of a leader's batches; marks each by its answer. */
  async #sendTo(leader: number, batches: readonly OutgoingBatch[]): Promise<void> {
    if (leader < 0) return this.#fail(new Error(`${nameOf(batches[0])} has no leader now`));
    let link: SenderLink;
    try {
      link = await this.#cluster.node(leader);
    } catch (error) {
      return this.#fail(error);
    }
    if (!link.canProduce()) {
      return this.#fail(
        new Error(`broker ${link.address} is older than Kafka 2.1: set kafka.client to plain`),
      );
    }
    let answers: Awaited<ReturnType<BrokerLink['produce']>>;
    try {
      answers = await link.produce(encodeProduceRequest(this.#options, batches));
    } catch (error) {
      for (const batch of batches) batch.isAmbiguous = true;
      this.#cluster.drop(link);
      return this.#fail(error);
    }
    const byPartition = new Map(
      answers.flatMap(({ topicName, partitions }) =>
        partitions.map((answer) => [laneOf({ topic: topicName, partition: answer.partition }), answer]),
      ),
    );
    for (const batch of batches) {
      const answer = byPartition.get(laneOf(batch));
      if (answer === undefined) this.#fail(new Error(`${link.address} did not answer for ${nameOf(batch)}`));
      else this.#judge(batch, answer.errorCode, BigInt(answer.baseOffset));
    }
  }

  #fail(error: unknown): void {
    this.#failure = error;
    this.#cluster.expire();
  }

  #seal(batch: OutgoingBatch): void {
    // Without a sequence nobody can tell a repeat.
    if (!this.#isIdempotent) this.#restamp(batch);
    if (batch.stamp !== undefined) return;
    const { topic, partition, recordCount } = batch;
    batch.stamp = this.#isIdempotent ? this.#sequences.stamp(topic, partition, recordCount) : NO_PRODUCER;
    sealBatch(batch.bytes, batch.stamp);
  }

  #judge(batch: OutgoingBatch, errorCode: number, offset: bigint): void {
    const { topic, partition } = batch;
    const verdict = verdictOf(errorCode);
    if (verdict === Verdict.stored || (verdict === Verdict.repeated && batch.isAmbiguous)) {
      // A batch that was sent once cannot be a repeat, whatever the broker takes it for.
      const isNew =
        errorCode !== 0 || !this.#isIdempotent || this.#sequences.settle(topic, partition, offset);
      if (isNew || batch.isAmbiguous) batch.state = 'stored';
      else this.#restart(batch, new Error(`${nameOf(batch)} was taken for a repeat at offset ${offset}`));
      return;
    }
    if (verdict === Verdict.refused) {
      batch.state = 'refused';
      if (this.#isIdempotent && batch.stamp !== undefined)
        this.#sequences.unstamp(topic, partition, batch.stamp);
      return;
    }
    const error = new Error(`${nameOf(batch)}: ${describeErrorCode(errorCode)}`);
    if (verdict === Verdict.newEpoch || verdict === Verdict.repeated) this.#restart(batch, error);
    else if (verdict === Verdict.newProducer) {
      this.#sequences.forget();
      this.#restampLater(batch, error);
    } else if (verdict === Verdict.elsewhere) this.#fail(error);
    else {
      // Not enough replicas after the append, a time-out between brokers, or a code nobody knows: it may be stored.
      batch.isAmbiguous = true;
      this.#failure = error;
    }
  }

  /** The next send of the batch begins a new epoch of its partition. */
  #restart(batch: OutgoingBatch, error: unknown): void {
    this.#sequences.restart(batch.topic, batch.partition);
    this.#restampLater(batch, error);
  }

  #restampLater(batch: OutgoingBatch, error: unknown): void {
    this.#failure = error;
    this.#restamp(batch);
  }

  #restamp(batch: OutgoingBatch): void {
    if (batch.stamp !== undefined && batch.isAmbiguous) this.#options.onMaybeRepeated(batch.recordCount);
    batch.stamp = undefined;
    batch.isAmbiguous = false;
  }
}

/** The first batch of each partition that waits, but for partitions that are blocked. */
function headsOf(batches: readonly OutgoingBatch[], blocked: ReadonlySet<string>): OutgoingBatch[] {
  const heads = new Map<string, OutgoingBatch>();
  for (const batch of batches) {
    const lane = laneOf(batch);
    if (batch.state === 'waiting' && !blocked.has(lane) && !heads.has(lane)) heads.set(lane, batch);
  }
  return [...heads.values()];
}

function laneOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic}\n${partition}`;
}

function nameOf(batch: OutgoingBatch | undefined): string {
  return batch === undefined ? 'no batch' : `partition ${batch.partition} of ${batch.topic}`;
}

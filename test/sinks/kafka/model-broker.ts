/**
 * A model of brokers as a sender sees them: logs, and the check of sequences as Kafka's ProducerStateManager and
 * ProducerAppendInfo do it, the last five batches of a producer remembered. Faults are generated.
 */

import { BatchField } from '../../../src/sinks/kafka/batch-contract.ts';
import type { SenderCluster, SenderLink } from '../../../src/sinks/kafka/batch-sender.ts';
import { kafkajsCrc32c } from './kafkajs-batches.ts';

interface ProducerState {
  epoch: number;
  /** The last five, oldest first. */
  readonly batches: { readonly base: number; readonly last: number; readonly offset: number }[];
}

interface Partition {
  leader: number;
  endOffset: number;
  readonly stored: { readonly offset: number; readonly batch: Buffer }[];
  readonly producers: Map<bigint, ProducerState>;
}

export interface ModelFaults {
  /** Out of a hundred requests or batches, how many meet each fault. */
  readonly percent: number;
  /** Kinds that are on. */
  readonly kinds: readonly FaultKind[];
}

/** What may happen; the last three are of the broker's memory of producers. */
export const FAULT_KINDS = [
  'requestLost',
  'answerLost',
  'notLeader',
  'notEnoughReplicas',
  'notEnoughAfterAppend',
  'timedOut',
  'leaderGone',
  'unreachable',
  'unknownProducer',
  'outOfOrder',
  'staleEpoch',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

const BATCHES_REMEMBERED = 5;
const EPOCHS_FENCED = 100;
const SEQUENCE_COUNT = 2 ** 31;

export class ModelBroker implements SenderCluster {
  readonly partitions: Partition[];
  readonly #random: () => number;
  readonly #refusesOver: number;
  faults: ModelFaults;
  /** Batches in the air by partition; more than one breaks the sender's promise. */
  readonly #flying = new Set<number>();
  #nextProducerId = 1000n;
  violations: string[] = [];

  constructor(partitionCount: number, random: () => number, faults: ModelFaults, refusesOver = Infinity) {
    this.#random = random;
    this.faults = faults;
    this.#refusesOver = refusesOver;
    this.partitions = Array.from({ length: partitionCount }, (_, index) => ({
      leader: index % 2,
      endOffset: 0,
      stored: [],
      producers: new Map(),
    }));
  }

  topic(): { leaders: number[] } {
    return { leaders: this.partitions.map(({ leader }) => leader) };
  }

  async require(): Promise<void> {
    await this.#turn();
    for (const partition of this.partitions) if (partition.leader < 0) partition.leader = this.#random() % 2;
  }

  async node(nodeId: number): Promise<SenderLink> {
    await this.#turn();
    if (this.#has('unreachable')) throw new Error('unreachable');
    return {
      address: `node-${nodeId}`,
      canProduce: () => true,
      initProducerId: async () => {
        await this.#turn();
        if (this.#has('requestLost')) throw new Error('lost');
        return { producerId: this.#nextProducerId++, producerEpoch: 0 };
      },
      produce: (body) => this.#produce(nodeId, body),
    };
  }

  someNode(): Promise<SenderLink> {
    return this.node(0);
  }

  drop(): void {}
  expire(): void {}

  async #produce(nodeId: number, body: readonly Buffer[]): ReturnType<SenderLink['produce']> {
    // As encodeProduceRequest gives them: head, then a topic's head, then a head and a batch for each partition.
    const batches: { partition: number; bytes: Buffer }[] = [];
    for (let index = 2; index < body.length; index += 2) {
      const [head, bytes] = [body[index] as Buffer, body[index + 1] as Buffer];
      batches.push({ partition: head.readInt32BE(0), bytes: Buffer.from(bytes) });
      if (head.readInt32BE(4) !== bytes.length) this.violations.push('a length is wrong');
    }
    for (const { partition } of batches) {
      if (this.#flying.has(partition))
        this.violations.push(`two batches of partition ${partition} in the air`);
      this.#flying.add(partition);
    }
    await this.#turn();
    try {
      if (this.#has('requestLost')) throw new Error('the request is lost');
      const partitions = batches.map(({ partition, bytes }) => ({
        partition,
        ...this.#append(nodeId, partition, bytes),
      }));
      await this.#turn();
      if (this.#has('answerLost')) throw new Error('the answer is lost');
      return [{ topicName: 't', partitions }];
    } finally {
      for (const { partition } of batches) this.#flying.delete(partition);
    }
  }

  #append(nodeId: number, index: number, batch: Buffer): { errorCode: number; baseOffset: string } {
    const partition = this.partitions[index] as Partition;
    const fail = (errorCode: number) => ({ errorCode, baseOffset: '-1' });
    if (this.#has('leaderGone')) partition.leader = -1;
    if (this.#has('notLeader')) partition.leader = 1 - nodeId;
    if (partition.leader !== nodeId) return fail(6);
    if (this.#has('notEnoughReplicas')) return fail(19);
    if (kafkajsCrc32c(batch.subarray(BatchField.attributes)) >>> 0 !== batch.readUInt32BE(BatchField.crc)) {
      this.violations.push('a CRC is wrong');
      return fail(2);
    }
    if (batch.length > this.#refusesOver) return fail(10);
    const result = this.#check(partition, batch);
    if (result.errorCode !== 0) return result;
    if (this.#has('notEnoughAfterAppend')) return fail(20);
    return this.#has('timedOut') ? fail(7) : result;
  }

  #check(partition: Partition, batch: Buffer): { errorCode: number; baseOffset: string } {
    const id = batch.readBigInt64BE(BatchField.producerId);
    const epoch = batch.readInt16BE(BatchField.producerEpoch);
    const base = batch.readInt32BE(BatchField.baseSequence);
    const count = batch.readInt32BE(BatchField.recordCount);
    const last = (base + count - 1) % SEQUENCE_COUNT;
    const fail = (errorCode: number) => ({ errorCode, baseOffset: '-1' });
    let state = id < 0n ? undefined : partition.producers.get(id);
    // A broker before Kafka 2.5 says so when retention has taken what the producer wrote. One that forgets without a word,
    // and is then asked for a repeat, stores it: no client can know.
    if (state !== undefined && this.#has('unknownProducer')) return fail(59);
    // For good: only another producer id, or a later epoch, is taken.
    if (state !== undefined && this.#has('staleEpoch')) state.epoch += EPOCHS_FENCED;
    if (state !== undefined) {
      if (epoch < state.epoch) return fail(47);
      if (epoch > state.epoch) {
        if (base !== 0) return fail(45);
        state.epoch = epoch;
        state.batches.length = 0;
      } else {
        const repeat = state.batches.find((known) => known.base === base && known.last === last);
        if (repeat !== undefined) return { errorCode: 0, baseOffset: String(repeat.offset) };
        const newest = state.batches.at(-1);
        // A leader that lost the end of its log says so of what comes next.
        if (newest !== undefined && this.#has('outOfOrder')) return fail(45);
        if (newest !== undefined && base !== (newest.last + 1) % SEQUENCE_COUNT) {
          return fail(base <= newest.last ? 46 : 45);
        }
      }
    }
    const offset = partition.endOffset;
    partition.stored.push({ offset, batch });
    partition.endOffset += count;
    if (id >= 0n) {
      state ??= { epoch, batches: [] };
      partition.producers.set(id, state);
      state.batches.push({ base, last, offset });
      if (state.batches.length > BATCHES_REMEMBERED) state.batches.shift();
    }
    return { errorCode: 0, baseOffset: String(offset) };
  }

  #has(kind: FaultKind): boolean {
    return this.faults.kinds.includes(kind) && this.#random() % 100 < this.faults.percent;
  }

  async #turn(): Promise<void> {
    for (let turns = this.#random() % 3; turns > 0; turns--) await new Promise(setImmediate);
  }
}

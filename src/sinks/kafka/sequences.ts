/**
 * Producer id, epochs and sequence numbers of one delivery (KIP-98). A delivery has a producer id of its own and one batch
 * of a partition in the air, so that a sequence number names the same bytes for as long as they may be asked for.
 *
 * When a partition's sequence is lost its epoch goes up and its sequence begins at 0, as Kafka's client does without a
 * transaction (KIP-360); brokers keep both a partition, so others go on as they are.
 */
import type { BatchProducer } from './record-batch.ts';

interface Lane {
  producerId: bigint;
  producerEpoch: number;
  nextSequence: number;
  /** Offset that the last batch of this epoch got; -1 before there is one. */
  lastOffset: bigint;
}

/** As InitProducerId gives it. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

const EPOCH_MAX = 0x7fff;
const SEQUENCE_MAX = 0x7fffffff;

export class Sequences {
  readonly #lanes = new Map<string, Lane>();
  #identity: ProducerIdentity | undefined;

  /** Whether `begin` must be called before the next batch. */
  get needsIdentity(): boolean {
    return this.#identity === undefined;
  }

  /** A new producer id: every partition begins at 0. */
  begin(identity: ProducerIdentity): void {
    this.#identity = identity;
    this.#lanes.clear();
  }

  /** The producer id is not to be used again. */
  forget(): void {
    this.#identity = undefined;
    this.#lanes.clear();
  }

  /** The stamp of the partition's next batch, whose records it counts. */
  stamp(topic: string, partition: number, recordCount: number): BatchProducer {
    const lane = this.#lane(topic, partition);
    const { producerId, producerEpoch, nextSequence } = lane;
    lane.nextSequence = advance(nextSequence, recordCount);
    return { producerId, producerEpoch, baseSequence: nextSequence };
  }

  /** The stamp was of a batch that the broker refused: the next one gets it. */
  unstamp(topic: string, partition: number, stamp: BatchProducer): void {
    const lane = this.#lanes.get(nameOf(topic, partition));
    const isOfLane = lane?.producerId === stamp.producerId && lane.producerEpoch === stamp.producerEpoch;
    if (lane !== undefined && isOfLane) lane.nextSequence = stamp.baseSequence;
  }

  /** A new epoch for one partition. */
  restart(topic: string, partition: number): void {
    const lane = this.#lanes.get(nameOf(topic, partition));
    if (lane === undefined) return;
    if (lane.producerEpoch === EPOCH_MAX) {
      this.forget();
      return;
    }
    lane.producerEpoch += 1;
    lane.nextSequence = 0;
    lane.lastOffset = -1n;
  }

  /**
   * Notes where a batch was stored. False when that is not behind the batch before it: the broker took it for a repeat
   * of one that it has, and dropped it.
   */
  settle(topic: string, partition: number, offset: bigint): boolean {
    const lane = this.#lanes.get(nameOf(topic, partition));
    if (lane === undefined) return true;
    if (offset <= lane.lastOffset) return false;
    lane.lastOffset = offset;
    return true;
  }

  #lane(topic: string, partition: number): Lane {
    const name = nameOf(topic, partition);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      if (this.#identity === undefined) throw new Error('there is no producer id yet');
      lane = { ...this.#identity, nextSequence: 0, lastOffset: -1n };
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}\n${partition}`;
}

/** Sequence numbers go round from 2^31 - 1 to 0 (DefaultRecordBatch.incrementSequence). */
function advance(sequence: number, records: number): number {
  return sequence > SEQUENCE_MAX - records ? records - (SEQUENCE_MAX - sequence) - 1 : sequence + records;
}

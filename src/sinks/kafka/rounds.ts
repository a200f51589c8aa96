/**
 * A block's bytes become record batches in rounds: as much of it as is encoded at once, sent, and settled before the
 * next. So beside the block itself a delivery holds the batches of one round. A maker says how: EventRounds for lines,
 * dead-letters.ts for rejected events.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { KAFKA_OUTPUT_BYTES_MAX, KAFKA_TOPICS_MAX, LINES_BYTES_MAX } from '../../limits.ts';
import {
  BATCH_WORDS,
  type BatchEncoder,
  type BatchOutput,
  BatchWord,
  createBatchOutput,
  isDrained,
  REFUSAL_WORDS,
  RefusalWord,
} from './batch-contract.ts';
import { BatchSender, type OutgoingBatch } from './batch-sender.ts';
import type { KafkaCluster } from './cluster.ts';
import type { Codec } from './codecs.ts';
import { compressBatch } from './compress-batch.ts';
import { batchAt, NO_HEADERS } from './record-batch.ts';
import { createTopicSorter, eachLine, type TopicSorter } from './topic-sorter.ts';
import { isTemplate } from './topic-template.ts';

export interface Round {
  readonly batches: OutgoingBatch[];
  /** Where in the block the next round begins. */
  readonly next: number;
}

export interface RoundMaker {
  /** Encodes what stands in `block` from `from` on, a whole row. Rejects when a topic is not known; called again it gives the same rows. */
  make(block: Buffer, from: number): Promise<Round>;
  /** Takes a single row that the broker refuses. VIEW of its record's value. Throws when it cannot be kept. */
  putAside(value: Buffer): void;
}

export interface EventRoundsOptions {
  readonly cluster: KafkaCluster;
  readonly encoder: BatchEncoder;
  readonly codec: Codec;
  readonly topic: string;
  /** Keeps an event that cannot be sent: its line, newline included. VIEW. Throws when it cannot be kept. */
  readonly putAside: (line: Buffer) => void;
}

const NEWLINE = Buffer.from('\n');

export class EventRounds implements RoundMaker {
  readonly #options: EventRoundsOptions;
  /** Undefined for a topic that is the same for all events. */
  readonly #sort: TopicSorter | undefined;
  /** Topics that a template gave and that exist. */
  readonly #known = new Set<string>();
  readonly #output = createBatchOutput();
  #turn = 0;

  constructor(options: EventRoundsOptions) {
    this.#options = options;
    this.#sort = isTemplate(options.topic) ? createTopicSorter(options.topic) : undefined;
  }

  async make(block: Buffer, from: number): Promise<Round> {
    const sort = this.#sort;
    const bytesMax = sort !== undefined ? KAFKA_OUTPUT_BYTES_MAX : LINES_BYTES_MAX;
    const end = windowEnd(block, from, bytesMax);
    const lines = block.subarray(from, end);
    if (lines.length > LINES_BYTES_MAX) {
      this.#options.putAside(lines);
      return { batches: [], next: end };
    }
    if (sort !== undefined) return { batches: await this.#makeByTopic(sort, lines), next: end };
    const { topic, cluster } = this.#options;
    await cluster.require([topic]);
    const { batches, next } = await this.#encode(topic, lines, 0, this.#output);
    return { batches, next: from + next };
  }

  putAside(value: Buffer): void {
    this.#options.putAside(Buffer.concat([value, NEWLINE]));
  }

  async #makeByTopic(sort: TopicSorter, lines: Buffer): Promise<OutgoingBatch[]> {
    const groups = sort(lines, this.#options.putAside);
    const all: OutgoingBatch[] = [];
    await this.#find(groups.map(({ topic }) => topic));
    for (const group of groups) {
      if (!this.#known.has(group.topic)) {
        for (const line of eachLine(group.lines)) this.#options.putAside(line);
        continue;
      }
      for (let from = 0; from < group.lines.length; ) {
        // Kept, each would grow to the largest topic that it ever had.
        const { batches, next } = await this.#encode(group.topic, group.lines, from, createBatchOutput());
        all.push(...batches);
        from = next;
      }
    }
    return all;
  }

  /** Finds out which of the topics there are: one client's word must not hold up the others' events. */
  async #find(topics: readonly string[]): Promise<void> {
    const { cluster } = this.#options;
    const fresh = topics
      .filter((topic) => !this.#known.has(topic))
      .slice(0, KAFKA_TOPICS_MAX - this.#known.size);
    await cluster.find([...fresh, ...topics.filter((topic) => this.#known.has(topic))]);
    for (const topic of topics) if (cluster.topic(topic) === undefined) this.#known.delete(topic);
    for (const topic of fresh) if (cluster.topic(topic) !== undefined) this.#known.add(topic);
  }

  async #encode(topic: string, lines: Buffer, from: number, output: BatchOutput): Promise<Round> {
    const { cluster, encoder, codec, putAside } = this.#options;
    const partitionCount = cluster.topic(topic)?.leaders.length ?? 1;
    const source = { lines, lineBytes: lines.length, records: undefined, recordCount: 0, next: from };
    const nullKeyPartition = this.#turn++ % partitionCount;
    encoder.encode(source, { partitionCount, nullKeyPartition, headers: NO_HEADERS }, output);
    for (let index = 0; index < output.refusalCount; index++) {
      const row = output.refusals.subarray(index * REFUSAL_WORDS, (index + 1) * REFUSAL_WORDS);
      const start = row[RefusalWord.lineOffset] ?? 0;
      putAside(lines.subarray(start, start + (row[RefusalWord.lineLength] ?? 0)));
    }
    const batches: OutgoingBatch[] = [];
    for (let index = 0; index < output.batchCount; index++) {
      const row = output.batches.subarray(index * BATCH_WORDS, (index + 1) * BATCH_WORDS);
      const plain = batchAt(output, index);
      const bytes = compressBatch(plain, codec);
      const partition = row[BatchWord.partition] ?? 0;
      batches.push(BatchSender.batch(topic, partition, row[BatchWord.recordCount] ?? 0, plain, bytes));
      // Milliseconds a batch: slabs that wait for this thread come first.
      if (codec.id !== 0) await nextTurn();
    }
    return { batches, next: isDrained(source) ? lines.length : source.next };
  }
}

/** Behind the last line that ends within `bytesMax` bytes, or behind the first when that is longer. */
function windowEnd(block: Buffer, from: number, bytesMax: number): number {
  if (block.length - from <= bytesMax) return block.length;
  const last = block.lastIndexOf(NEWLINE, from + bytesMax - 1);
  const end = last >= from ? last : block.indexOf(NEWLINE, from);
  return end < 0 ? block.length : end + 1;
}

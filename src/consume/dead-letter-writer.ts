/**
 * Brings letters (letter.ts) to the dead-letter topic, as batches that the Kafka sink's sender sends: idempotent, tried until
 * the brokers have confirmed them. A record that the topic refuses for its size stays with the begin of its value; one that it
 * refuses even so is told and left out.
 */
import { createBackoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { Ending } from '../journal/ending.ts';
import { CONSUME_LETTER_VALUE_BYTES_MAX, KAFKA_BATCH_BYTES_MAX, KAFKA_BATCH_RECORDS_MAX } from '../limits.ts';
import { BATCH_HEADER_BYTES } from '../sinks/kafka/batch-contract.ts';
import { BatchSender, type OutgoingBatch, type SenderCluster } from '../sinks/kafka/batch-sender.ts';
import type { Codec } from '../sinks/kafka/codecs.ts';
import { type ComposedRecord, composeBatch, composeRecord } from '../sinks/kafka/compose-batch.ts';
import { compressBatch } from '../sinks/kafka/compress-batch.ts';
import { type Header, type Letter, lettersHeaders } from './letter.ts';

export interface DeadLetterOptions {
  readonly cluster: SenderCluster;
  readonly codec: Codec;
  /** The dead-letter topic of a topic. */
  readonly topicOf: (topic: string) => string;
  readonly groupId: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Told of a letter that the topic does not take in any form. */
  readonly onLost: (letter: Letter) => void;
  readonly onFailed: (error: unknown) => void;
}

/** Bytes of a record that its key, value and headers are not. */
const RECORD_HEAD_BYTES_MAX = 20;

interface LetterBatch {
  readonly letters: readonly Letter[];
  readonly isCut: boolean;
  readonly batch: OutgoingBatch;
}

/** One for all lanes, which have it one after the other. */
export class DeadLetterWriter {
  readonly #options: DeadLetterOptions;
  readonly #sender: BatchSender;
  #last: Promise<unknown> = Promise.resolve();
  #turn = 0;

  constructor(options: DeadLetterOptions) {
    this.#options = options;
    const { cluster, timeoutMs } = options;
    this.#sender = new BatchSender(cluster, { acks: -1, timeoutMs, onMaybeRepeated: () => {} });
  }

  /** Resolves with true when all are there, false when the end came first: then some may be. Never rejects. */
  write(letters: readonly Letter[], ending: Ending): Promise<boolean> {
    const writing = this.#last.then(() => this.#write(letters, ending));
    this.#last = writing;
    return writing;
  }

  async #write(letters: readonly Letter[], ending: Ending): Promise<boolean> {
    const { cluster, topicOf, onFailed } = this.#options;
    const topics = [...new Set(letters.map(({ topic }) => topicOf(topic)))];
    const backoff = createBackoff();
    const stop = new AbortController();
    let waiting: LetterBatch[] | undefined;
    while (!ending.isOver) {
      try {
        await cluster.require(topics);
        waiting ??= this.#batches(letters);
        await this.#sender.send(
          waiting.map(({ batch }) => batch),
          stop.signal,
        );
        waiting = this.#unsettled(waiting);
        if (waiting.length === 0) return true;
        if (this.#sender.failure === undefined) continue;
        onFailed(this.#sender.failure);
      } catch (error) {
        onFailed(error);
      }
      await ending.pause(backoff.next());
    }
    this.#sender.abandon((waiting ?? []).map(({ batch }) => batch));
    return false;
  }

  /** What waits still; of what was refused the halves, or the same letter cut. */
  #unsettled(sent: readonly LetterBatch[]): LetterBatch[] {
    return sent.flatMap((entry) => {
      const { letters, isCut, batch } = entry;
      if (batch.state === 'stored') return [];
      if (batch.state === 'waiting') return [entry];
      if (letters.length > 1) {
        const middle = Math.ceil(letters.length / 2);
        return [letters.slice(0, middle), letters.slice(middle)].map((half) => this.#batch(half, isCut));
      }
      if (!isCut) return [this.#batch(letters, true)];
      for (const letter of letters) this.#options.onLost(letter);
      return [];
    });
  }

  #batches(letters: readonly Letter[]): LetterBatch[] {
    const batches: LetterBatch[] = [];
    let [part, bytes] = [[] as Letter[], BATCH_HEADER_BYTES];
    for (const letter of letters) {
      const letterBytes = RECORD_HEAD_BYTES_MAX + this.#compose(letter, false).rest.length;
      const isFull = bytes + letterBytes > KAFKA_BATCH_BYTES_MAX || part.length >= KAFKA_BATCH_RECORDS_MAX;
      if (part.length > 0 && (isFull || part[0]?.topic !== letter.topic)) {
        batches.push(this.#batch(part, false));
        [part, bytes] = [[], BATCH_HEADER_BYTES];
      }
      part.push(letter);
      bytes += letterBytes;
    }
    if (part.length > 0) batches.push(this.#batch(part, false));
    return batches;
  }

  #batch(letters: readonly Letter[], isCut: boolean): LetterBatch {
    const { cluster, topicOf, codec } = this.#options;
    const topic = topicOf(letters[0]?.topic ?? '');
    const partition = this.#turn++ % (cluster.topic(topic)?.leaders.length ?? 1);
    const plain = composeBatch(letters.map((letter) => this.#compose(letter, isCut)));
    const bytes = compressBatch(plain, codec);
    return { letters, isCut, batch: BatchSender.batch(topic, partition, letters.length, plain, bytes) };
  }

  /** Its time is that of its putting aside: the dead-letter topic keeps it by its own retention. */
  #compose(letter: Letter, isCut: boolean): ComposedRecord {
    const { clock, groupId } = this.#options;
    const nowMs = Math.trunc(clock.nowMs());
    const { key, value } = letter;
    const cutBytes = isCut ? (value?.length ?? 0) : undefined;
    // Headers of a record may be the reason for its size.
    const source: Letter = isCut ? { ...letter, headers: [] } : letter;
    const headers: Header[] = lettersHeaders(source, groupId, nowMs, cutBytes);
    if (!isCut) return composeRecord(nowMs, value, headers, key);
    const begin = value?.subarray(0, CONSUME_LETTER_VALUE_BYTES_MAX);
    return composeRecord(nowMs, begin, headers, key?.subarray(0, CONSUME_LETTER_VALUE_BYTES_MAX));
  }
}

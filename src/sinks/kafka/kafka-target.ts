/**
 * Kafka as the journal's deliveries see it: one target a delivery, over connections that a thread's targets share. A
 * block goes out in rounds (rounds.ts); what failed of a round is sent again when the journal asks again, the same bytes
 * under the same sequence; so the round stays here, also when the journal gives the block back for a pause. A batch whose content is refused is cut in two until the record at fault stands alone and can
 * be put aside: so nothing else of the block is sent twice, as it would be if the journal cut it.
 */
import type { BlockTarget, SendOutcome } from '../sink.ts';
import {
  BatchSender,
  type BatchSenderOptions,
  type OutgoingBatch,
  type SenderCluster,
} from './batch-sender.ts';
import type { Codec } from './codecs.ts';
import { firstValue, splitBatch } from './compose-batch.ts';
import { compressBatch } from './compress-batch.ts';
import { type BlockPool, GatheredBlock, isOf, type SendProgress } from './gathered-block.ts';
import type { Round, RoundMaker } from './rounds.ts';
import type { StatusPart } from './status.ts';

export interface KafkaTargetOptions extends BatchSenderOptions {
  readonly cluster: SenderCluster;
  readonly rounds: RoundMaker;
  readonly codec: Codec;
  readonly blockBytesMax: number;
  readonly status: StatusPart;
}

interface Progress extends SendProgress {
  /** What is being sent. Its memory is its own, not the block's. */
  round: Round | undefined;
}

/** A target for one delivery. Its blocks are in memory once, and their batches a round at a time. */
export function createKafkaTarget(options: KafkaTargetOptions): BlockTarget {
  const { cluster, rounds, codec, status } = options;
  const sender = new BatchSender(cluster, options);
  const pool: BlockPool = { free: [], bytesMax: 2 * options.blockBytesMax };
  let current: Progress | undefined;

  async function send(token: string, block: GatheredBlock, signal: AbortSignal): Promise<SendOutcome> {
    const progress = resume(token, block);
    try {
      while (progress.sent < progress.bytes) {
        if (signal.aborted) return 'retry';
        progress.round ??= await rounds.make(block.view(), progress.sent);
        if (!(await sendRound(progress.round, signal))) {
          if (sender.failure !== undefined) status.failed(sender.failure);
          if (isGone(progress.round)) giveUp(progress);
          return 'retry';
        }
        progress.sent = progress.round.next;
        progress.round = undefined;
      }
    } catch (error) {
      status.failed(error);
      return 'retry';
    }
    current = undefined;
    status.delivered();
    return 'delivered';
  }

  function resume(token: string, block: GatheredBlock): Progress {
    if (current !== undefined && isOf(current, token, block)) return current;
    if (current !== undefined) giveUp(current);
    current = { token, bytes: block.bytes, sent: 0, round: undefined };
    return current;
  }

  /** False when something of it waits to be sent again. */
  async function sendRound({ batches }: Round, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      await sender.send(batches, signal);
      const refused = batches.findIndex(({ state }) => state === 'refused');
      if (refused < 0) return batches.every(({ state }) => state === 'stored');
      for (let index = refused; index >= 0; index = batches.findIndex(({ state }) => state === 'refused')) {
        batches.splice(index, 1, ...cut(batches[index] as OutgoingBatch));
      }
    }
  }

  /** The halves of a refused batch; none of a single record, which is put aside. */
  function cut({ topic, partition, recordCount, plain }: OutgoingBatch): OutgoingBatch[] {
    if (recordCount === 1) {
      rounds.putAside(firstValue(plain));
      return [];
    }
    const [first, second] = splitBatch(plain);
    const firstCount = Math.ceil(recordCount / 2);
    const half = (bytes: Buffer, count: number) =>
      BatchSender.batch(topic, partition, count, bytes, compressBatch(bytes, codec));
    return [half(first, firstCount), half(second, recordCount - firstCount)];
  }

  /** Whether a partition is no more: its topic was made anew, with fewer. */
  function isGone({ batches }: Round): boolean {
    return batches.some(({ topic, partition, state }) => {
      const partitionCount = cluster.topic(topic)?.leaders.length;
      return state === 'waiting' && partitionCount !== undefined && partition >= partitionCount;
    });
  }

  /** The round is made anew when the block is sent again. */
  function giveUp(progress: Progress): void {
    if (progress.round !== undefined) sender.abandon(progress.round.batches);
    progress.round = undefined;
  }

  return {
    name: 'kafka',
    begin: () => new GatheredBlock(pool),
    send: (token, block, signal) => send(token, block as GatheredBlock, signal),
  };
}

/**
 * What `penstock dlq` does with a dead-letter topic: counts what is in it, and brings records back to the topic that they came
 * from. A letter that stands there twice (letter.ts) counts once.
 *
 * How far a replay is stands with Kafka, as offsets of the group `<consume.group_id>.dlq-replay`, and is written after every
 * step of DLQ_REPLAY_STEP_RECORDS: the next replay goes on behind it. A replay that is killed in a step brings the records of
 * that step twice.
 */
import { KAFKA_BATCH_BYTES_MAX } from '../limits.ts';
import { BATCH_HEADER_BYTES } from '../sinks/kafka/batch-contract.ts';
import { BatchSender } from '../sinks/kafka/batch-sender.ts';
import type { Codec } from '../sinks/kafka/codecs.ts';
import { composeBatch, composeRecord } from '../sinks/kafka/compose-batch.ts';
import { compressBatch } from '../sinks/kafka/compress-batch.ts';
import { describeErrorCode } from '../sinks/kafka/kafkajs-bridge.ts';
import { Group } from './group.ts';
import { Code, commitOffsets, fetchOffsets, NO_MEMBER } from './group-requests.ts';
import { type Letter, type LetterReason, readLetter, replayHeaders } from './letter.ts';
import { type ScannedRecord, scanPartition, type TopicScan, topicRanges } from './topic-scan.ts';

export interface DlqOptions extends TopicScan {
  readonly topic: string;
  /** Of the replays. */
  readonly groupId: string;
}

export interface Sample extends Omit<Letter, 'headers' | 'key' | 'value'> {
  readonly valueBytes: number;
  readonly value: Buffer | undefined;
  readonly replays: number;
}

export interface DlqCount {
  readonly reason: LetterReason;
  /** Letters, each once. */
  count: number;
  /** Of these, the ones that no replay has passed. */
  waiting: number;
  oldestMs: number;
  newestMs: number;
  readonly samples: Sample[];
}

export interface DlqListing {
  readonly counts: readonly DlqCount[];
  /** Records that no consumer of Penstock wrote. */
  readonly foreign: number;
}

/** Counts by reason, with the first `samplesMax` of each. */
export async function listDlq(options: DlqOptions, samplesMax: number): Promise<DlqListing> {
  const { cluster, topic } = options;
  const ranges = await topicRanges(cluster, topic);
  const replayed = await replayedOffsets(options);
  const seen = new Set<string>();
  const counts = new Map<LetterReason, DlqCount>();
  let foreign = 0;
  const take = (record: ScannedRecord): void => {
    const letter = readLetter(record);
    if (letter === undefined) {
      foreign += 1;
      return;
    }
    if (isRepeat(seen, letter)) return;
    const entry = counts.get(letter.reason) ?? emptyCount(letter.reason);
    counts.set(letter.reason, entry);
    entry.count += 1;
    if (record.offset >= (replayed.get(record.partition) ?? 0)) entry.waiting += 1;
    entry.oldestMs = Math.min(entry.oldestMs, record.timestampMs);
    entry.newestMs = Math.max(entry.newestMs, record.timestampMs);
    if (entry.samples.length < samplesMax) entry.samples.push(sampleOf(letter));
  };
  for (const { partition, earliest, latest } of ranges) {
    await scanPartition(options, { topic, partition }, earliest, latest, take);
  }
  return { counts: [...counts.values()].sort((left, right) => right.count - left.count), foreign };
}

export interface ReplayOptions extends DlqOptions {
  readonly codec: Codec;
  readonly timeoutMs: number;
  /** Only these; undefined for all that can be brought back. */
  readonly reason: LetterReason | undefined;
  /** Also what an earlier replay has passed. */
  readonly fromStart: boolean;
  readonly limit: number;
  readonly isDryRun: boolean;
  readonly stepRecords: number;
  /** Called after every step. */
  readonly onStep: (sofar: Replayed) => void;
}

export interface Replayed {
  replayed: number;
  /** Passed over: of another reason. */
  passed: number;
  /** Cannot be brought back: cut values, batches that cannot be read, records that are not a consumer's. */
  unfit: number;
}

/** Brings letters back, up to where the topic ends now. Rejects with why it stopped; what it has done is remembered. */
export async function replayDlq(options: ReplayOptions): Promise<Replayed> {
  const { cluster, topic, isDryRun, stepRecords, limit } = options;
  const ranges = await topicRanges(cluster, topic);
  const replayed = options.fromStart ? new Map<number, number>() : await replayedOffsets(options);
  const total: Replayed = { replayed: 0, passed: 0, unfit: 0 };
  const seen = new Set<string>();
  const sender = new BatchSender(cluster, {
    acks: -1,
    timeoutMs: options.timeoutMs,
    onMaybeRepeated: () => {},
  });
  for (const { partition, earliest, latest } of ranges) {
    let step: (Letter & { readonly replays: number })[] = [];
    const send = async (nextOffset: number) => {
      if (!isDryRun) {
        await sendLetters(options, sender, step);
        await remember(options, partition, nextOffset);
      }
      total.replayed += step.length;
      step = [];
      options.onStep(total);
    };
    const take = (record: ScannedRecord) => {
      if (total.replayed + step.length >= limit) throw new LimitReached(record.offset);
      const letter = readLetter(record);
      const isFit =
        letter !== undefined && letter.cutBytes === undefined && letter.reason !== 'unreadable_batch';
      if (letter !== undefined && isRepeat(seen, letter)) return;
      if (options.reason !== undefined && letter?.reason !== options.reason) total.passed += 1;
      else if (isFit) step.push(copyOf(letter));
      else total.unfit += 1;
    };
    const first = Math.max(earliest, replayed.get(partition) ?? 0);
    try {
      await scanPartition(options, { topic, partition }, first, latest, take, async (next) => {
        if (step.length >= stepRecords) await send(next);
      });
      if (first < latest) await send(latest);
    } catch (error) {
      if (!(error instanceof LimitReached)) throw error;
      await send(error.offset);
      break;
    }
  }
  return total;
}

/** Ends a scan at a record that is one too many. */
class LimitReached extends Error {
  override readonly name = 'LimitReached';
  readonly offset: number;
  constructor(offset: number) {
    super('as many as were asked for');
    this.offset = offset;
  }
}

/** Puts letters back where they came from: the same partition, key, value and headers. Rejects when not all are there. */
async function sendLetters(
  { cluster, codec }: ReplayOptions,
  sender: BatchSender,
  letters: readonly (Letter & { readonly replays: number })[],
): Promise<void> {
  await cluster.require([...new Set(letters.map(({ topic }) => topic))]);
  const batches = groupLetters(letters, (topic) => cluster.topic(topic)?.leaders.length ?? 1).map(
    ({ topic, partition, group }) => {
      const plain = composeBatch(
        group.map(({ timestampMs, value, headers, key, replays }) =>
          composeRecord(timestampMs, value, replayHeaders(headers, replays + 1), key),
        ),
      );
      return BatchSender.batch(topic, partition, group.length, plain, compressBatch(plain, codec));
    },
  );
  const { signal } = new AbortController();
  for (let tries = 0; batches.some(({ state }) => state === 'waiting'); tries++) {
    if (tries >= SEND_TRIES_MAX) throw sender.failure ?? new Error('the records are not taken');
    await sender.send(batches, signal);
  }
  const refused = batches.find(({ state }) => state === 'refused');
  if (refused !== undefined) throw new Error(`topic ${refused.topic} refuses records for their content`);
}

const SEND_TRIES_MAX = 10;

/** Batches of one partition each, within the size of a batch; a partition that is no more gives its records to another. */
function groupLetters<One extends Letter>(
  letters: readonly One[],
  partitionCount: (topic: string) => number,
) {
  const open = new Map<string, { topic: string; partition: number; group: One[]; bytes: number }>();
  const groups: { readonly topic: string; readonly partition: number; readonly group: One[] }[] = [];
  for (const letter of letters) {
    const partition = letter.partition % partitionCount(letter.topic);
    const name = `${letter.topic}/${partition}`;
    const bytes = (letter.value?.length ?? 0) + (letter.key?.length ?? 0) + LETTER_HEAD_BYTES;
    let entry = open.get(name);
    if (entry === undefined || entry.bytes + bytes > KAFKA_BATCH_BYTES_MAX) {
      entry = { topic: letter.topic, partition, group: [], bytes: BATCH_HEADER_BYTES };
      open.set(name, entry);
      groups.push(entry);
    }
    entry.group.push(letter);
    entry.bytes += bytes;
  }
  return groups;
}

/** Room for a record's own numbers and headers as Penstock's producer writes them. */
const LETTER_HEAD_BYTES = 512;

/** Next offset of a replay, by partition of the dead-letter topic. */
async function replayedOffsets({ cluster, groupId, topic }: DlqOptions): Promise<Map<number, number>> {
  const places = (await topicRanges(cluster, topic)).map(({ partition }) => ({ topic, partition }));
  const answer = await groupOf({ cluster, groupId, topic }).ask((link) =>
    fetchOffsets(link, groupId, places),
  );
  if (answer.errorCode !== Code.none) throw new Error(describeErrorCode(answer.errorCode));
  return new Map(answer.places.map(({ partition, offset }) => [partition, Number(offset)]));
}

async function remember(options: DlqOptions, partition: number, offset: number): Promise<void> {
  const { groupId, topic } = options;
  const entry = { topic, partition, offset, end: offset, lineage: '0'.repeat(16) };
  const code = await groupOf(options).ask((link) => commitOffsets(link, { groupId, ...NO_MEMBER }, [entry]));
  if (code !== Code.none) throw new Error(`how far the replay is cannot be kept: ${describeErrorCode(code)}`);
}

function groupOf({ cluster, groupId, topic }: Pick<DlqOptions, 'cluster' | 'groupId' | 'topic'>): Group {
  // No member: offsets alone.
  return new Group({ cluster, groupId, topics: [topic], sessionTimeoutMs: 0, rebalanceTimeoutMs: 0 });
}

function emptyCount(reason: LetterReason): DlqCount {
  return { reason, count: 0, waiting: 0, oldestMs: Number.POSITIVE_INFINITY, newestMs: 0, samples: [] };
}

function isRepeat(
  seen: Set<string>,
  { topic, partition, offset, replays }: Letter & { readonly replays: number },
): boolean {
  const name = `${topic}/${partition}/${offset}/${replays}`;
  if (seen.has(name)) return true;
  seen.add(name);
  return false;
}

/** COPY. */
function copyOf<One extends Letter>(letter: One): One {
  return {
    ...letter,
    key: letter.key && Buffer.from(letter.key),
    value: letter.value && Buffer.from(letter.value),
    headers: letter.headers.map(([name, value]) => [name, value && Buffer.from(value)] as const),
  };
}

function sampleOf({ headers: _, key: __, value, ...letter }: Letter & { readonly replays: number }): Sample {
  return { ...letter, valueBytes: value?.length ?? 0, value: value && Buffer.from(value) };
}

/**
 * The plain path (`kafka.client: plain`), for brokers that do not take the batches of the native one: each event is an
 * object that kafkajs' own producer partitions, encodes and sends, at many times the cost. It is not idempotent: kafkajs
 * gives the sequence of a send that failed to the next, whose events a broker may then drop as repeats. So a
 * send that failed half may be stored twice.
 */
import kafkajs, { type Producer } from 'kafkajs';
import { KAFKA_SESSION_MARGIN_MS } from '../../limits.ts';
import type { KeptRejectedRow } from '../rejected-reader.ts';
import { readRejected } from '../rejected-reader.ts';
import type { BlockTarget, SendOutcome } from '../sink.ts';
import { HEAD_COLUMNS, type HeadColumn } from './batch-contract.ts';
import type { Codec } from './codecs.ts';
import { headersOf } from './dead-letters.ts';
import { type BlockPool, GatheredBlock, isOf, type SendProgress } from './gathered-block.ts';
import type { LinkOptions } from './kafkajs-bridge.ts';
import { createLineFields, headText, readLineFields } from './line-fields.ts';
import { Verdict, verdictOf } from './produce-errors.ts';
import type { StatusPart } from './status.ts';
import { eachLine } from './topic-sorter.ts';
import { isTemplate, sortByTopic } from './topic-template.ts';

export interface PlainMessage {
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: Record<string, Buffer>;
  /** ms since 1970, in digits. */
  readonly timestamp: string;
}

export interface TopicMessages {
  readonly topic: string;
  readonly messages: PlainMessage[];
}

/** What is sent at once of a block, and where the next part begins. */
export interface PlainPart {
  readonly topicMessages: TopicMessages[];
  readonly next: number;
}

export interface PlainTargetOptions {
  readonly brokers: readonly string[];
  readonly createTopics: boolean;
  readonly linkOptions: () => Omit<LinkOptions, 'connectTimeoutMs'>;
  readonly connectTimeoutMs: number;
  readonly acks: -1 | 1;
  readonly codec: Codec;
  /** Makes messages of what stands in a block from `from` on. */
  readonly part: (block: Buffer, from: number) => PlainPart;
  readonly blockBytesMax: number;
  readonly status: StatusPart;
}

const { Kafka, logLevel, Partitioners, CompressionCodecs } = kafkajs;

export interface PlainTarget extends BlockTarget {
  /** Leaves the brokers; the next send connects again. */
  close(): void;
}

/** A target for one delivery, with a producer of its own. A block whose content is refused is cut by the journal. */
export function createPlainTarget(options: PlainTargetOptions): PlainTarget {
  const { acks, codec, part, status } = options;
  const pool: BlockPool = { free: [], bytesMax: 2 * options.blockBytesMax };
  let producer: Producer | undefined;
  let current: SendProgress | undefined;
  if (codec.id !== 0) {
    (CompressionCodecs as Record<number, () => unknown>)[codec.id] = () => ({
      compress: async (encoder: { readonly buffer: Buffer }) => codec.compress(encoder.buffer),
      decompress: async (bytes: Buffer) => codec.decompress(bytes),
    });
  }

  async function send(token: string, block: GatheredBlock, signal: AbortSignal): Promise<SendOutcome> {
    if (!isOf(current, token, block)) current = undefined;
    current ??= { token, bytes: block.bytes, sent: 0 };
    const progress = current;
    try {
      producer ??= await connect(options);
      while (progress.sent < progress.bytes) {
        if (signal.aborted) return 'retry';
        const { topicMessages, next } = part(block.view(), progress.sent);
        await producer.sendBatch({ topicMessages, acks, compression: codec.id });
        progress.sent = next;
      }
    } catch (error) {
      status.failed(error);
      close();
      return isRefusal(error) ? 'refused' : 'retry';
    }
    current = undefined;
    status.delivered();
    return 'delivered';
  }

  function close(): void {
    void producer?.disconnect().catch(() => {});
    producer = undefined;
  }

  return {
    name: 'kafka',
    begin: () => new GatheredBlock(pool),
    send: (token, block, signal) => send(token, block as GatheredBlock, signal),
    close,
  };
}

/** Events as messages: key, headers and time as the native path has them. */
export function eventPart(
  block: Buffer,
  from: number,
  topic: string,
  keyColumns: readonly HeadColumn[],
  partBytesMax: number,
  putAside: (line: Buffer) => void,
): PlainPart {
  const last = block.lastIndexOf(0x0a, Math.min(block.length, from + partBytesMax) - 1);
  const end = (last >= from ? last : block.indexOf(0x0a, from)) + 1;
  const lines = block.subarray(from, end);
  const groups = isTemplate(topic) ? sortByTopic(topic, lines, putAside) : [{ topic, lines }];
  const fields = createLineFields();
  const topicMessages = groups.map((group) => ({
    topic: group.topic,
    messages: [...eachLine(group.lines)].flatMap((line) => {
      if (!readLineFields(line, 0, line.length, fields)) {
        putAside(line);
        return [];
      }
      const read = (name: HeadColumn) => {
        const column = HEAD_COLUMNS.indexOf(name);
        const text = (fields.lengths[column] ?? -1) < 0 ? undefined : headText(line, fields, column);
        return text === undefined ? undefined : Buffer.from(text);
      };
      const keyColumn = keyColumns.find((name) => (fields.lengths[HEAD_COLUMNS.indexOf(name)] ?? -1) >= 0);
      const appId = read('app_id');
      const headers = { event_id: read('event_id') ?? Buffer.alloc(0), ...(appId && { app_id: appId }) };
      const key = (keyColumn && read(keyColumn)) ?? null;
      return [{ key, value: line.subarray(0, -1), headers, timestamp: String(fields.receivedMs) }];
    }),
  }));
  return { topicMessages, next: end };
}

/** Rejected events as messages of the dead-letter topic. */
export function deadLetterPart(block: Buffer, from: number, topic: string, partBytesMax: number): PlainPart {
  const messages: PlainMessage[] = [];
  let next = from;
  while (next < block.length && (messages.length === 0 || next - from < partBytesMax)) {
    const { row, end } = readRejected(block, next);
    messages.push(deadLetter(row));
    next = end;
  }
  return { topicMessages: [{ topic, messages }], next };
}

function deadLetter(row: KeptRejectedRow): PlainMessage {
  const headers = Object.fromEntries(headersOf(row));
  return { key: null, value: Buffer.from(row.raw), headers, timestamp: String(row.receivedAtMs) };
}

async function connect(options: PlainTargetOptions): Promise<Producer> {
  const { sasl, tls, clientId, requestTimeoutMs } = options.linkOptions();
  const kafka = new Kafka({
    clientId,
    brokers: [...options.brokers],
    connectionTimeout: options.connectTimeoutMs,
    requestTimeout: requestTimeoutMs,
    reauthenticationThreshold: KAFKA_SESSION_MARGIN_MS,
    logLevel: logLevel.NOTHING,
    retry: { retries: 1, initialRetryTime: 100 },
    ...(sasl && { sasl: sasl as never }),
    ...(tls && { ssl: tls }),
  });
  const producer = kafka.producer({
    allowAutoTopicCreation: options.createTopics,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

function isRefusal(error: unknown): boolean {
  const { code, cause } = error as { readonly code?: unknown; readonly cause?: { readonly code?: unknown } };
  const found = typeof code === 'number' ? code : cause?.code;
  return typeof found === 'number' && verdictOf(found) === Verdict.refused;
}

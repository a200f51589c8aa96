/**
 * Dead letters: records that are no events, on their way to the dead-letter topic. Key, value and headers are those that the
 * record had; in front of the headers stands why and from where:
 *
 *   dlq.reason                              one of LETTER_REASONS
 *   dlq.topic · dlq.partition · dlq.offset  where it stands
 *   dlq.timestamp                           its time there, ISO 8601
 *   dlq.at · dlq.group                      when, and by which group, it was put aside
 *   dlq.replays                             how often `penstock dlq replay` had brought it back before, where it had
 *   dlq.value_bytes                         length of the value, where the topic took only its begin
 *
 * The same record may stand there more than once: who puts it aside may die before the offset is committed.
 */
import type { Place } from './contract.ts';

/** Why a record is no event, with the sentence that `penstock dlq ls` says of it. */
export const LETTER_REASONS = {
  tombstone: 'it has no value',
  not_canonical: 'its value is no event as Penstock writes them: another producer, or bytes that are damaged',
  unreadable_batch: 'its batch cannot be read: a wrong checksum, an old format, records that are cut',
  refused_by_clickhouse: 'ClickHouse refuses its row',
} as const;
export type LetterReason = keyof typeof LETTER_REASONS;

export type Header = readonly [name: string, value: Buffer | undefined];

/** A record that is put aside, or a whole batch of them. Its memory is its own. */
export interface Letter extends Place {
  readonly offset: number;
  readonly reason: LetterReason;
  /** ms since 1970. */
  readonly timestampMs: number;
  readonly key: Buffer | undefined;
  readonly value: Buffer | undefined;
  readonly headers: readonly Header[];
}

/** What every name of our own begins with. */
const PREFIX = 'dlq.';
const REPLAYS = `${PREFIX}replays`;
const VALUE_BYTES = `${PREFIX}value_bytes`;

/** Headers of the dead letter's record. `cutBytes` is the length of a value that was cut. */
export function lettersHeaders(
  letter: Letter,
  groupId: string,
  atMs: number,
  cutBytes: number | undefined,
): Header[] {
  const own = {
    reason: letter.reason,
    topic: letter.topic,
    partition: String(letter.partition),
    offset: String(letter.offset),
    timestamp: timeText(letter.timestampMs),
    at: timeText(atMs),
    group: groupId,
  };
  const replays = textOf(letter.headers, REPLAYS);
  return [
    ...Object.entries(own).map(([name, text]): Header => [`${PREFIX}${name}`, Buffer.from(text)]),
    ...(replays === undefined ? [] : [[REPLAYS, Buffer.from(replays)] as const]),
    ...(cutBytes === undefined ? [] : [[VALUE_BYTES, Buffer.from(String(cutBytes))] as const]),
    ...withoutOwn(letter.headers),
  ];
}

/** What a record of the dead-letter topic says of itself; undefined for one that no consumer wrote. */
export function readLetter(
  record: Pick<Letter, 'key' | 'value' | 'headers'>,
): (Letter & { readonly replays: number; readonly cutBytes: number | undefined }) | undefined {
  const text = (name: string) => textOf(record.headers, `${PREFIX}${name}`);
  const reason = text('reason') ?? '';
  const [partition, offset] = [text('partition'), text('offset')].map((word) => Number(word ?? Number.NaN));
  const topic = text('topic');
  if (!isReason(reason) || topic === undefined) return undefined;
  if (!Number.isSafeInteger(partition) || !Number.isSafeInteger(offset)) return undefined;
  const cutText = text('value_bytes');
  return {
    topic,
    partition: partition as number,
    offset: offset as number,
    reason,
    timestampMs: Date.parse(text('timestamp') ?? '') || 0,
    key: record.key,
    value: record.value,
    headers: withoutOwn(record.headers),
    replays: Number(text('replays') ?? 0) || 0,
    cutBytes: cutText === undefined ? undefined : Number(cutText),
  };
}

/** Headers of a record that is brought back to its topic for the `replays`th time. */
export function replayHeaders(headers: readonly Header[], replays: number): Header[] {
  return [[REPLAYS, Buffer.from(String(replays))], ...withoutOwn(headers)];
}

function withoutOwn(headers: readonly Header[]): Header[] {
  return headers.filter(([name]) => !name.startsWith(PREFIX));
}

function textOf(headers: readonly Header[], name: string): string | undefined {
  return headers.find(([own]) => own === name)?.[1]?.toString('utf8');
}

function isReason(text: string): text is LetterReason {
  return Object.hasOwn(LETTER_REASONS, text);
}

/** A record may carry any time. */
function timeText(ms: number): string {
  return Number.isFinite(ms) && Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms);
}

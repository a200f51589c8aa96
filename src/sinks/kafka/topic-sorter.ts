// Hot path: once a round.
/**
 * Lines by topic: native/kafka/group-lines.h puts together what has the same values, and what is left for JavaScript is
 * per topic. Where there is no addon, or two values give one topic, or there are too many, sortByTopic does all of it.
 */
import { KAFKA_LINE_GROUPS_MAX } from '../../limits.ts';
import { loadNativeAddon } from '../../native-addon.ts';
import { createLineFields, readLineFields } from './line-fields.ts';
import { placesOf, sortByTopic, type TopicLines, topicOf } from './topic-template.ts';

/** Sorts as sortByTopic does. What it gives are VIEWS until its next call. */
export type TopicSorter = (lines: Buffer, onUnreadable: (line: Buffer) => void) => TopicLines[];

interface Addon {
  groupLines(
    lines: Uint8Array,
    wantsType: boolean,
    wantsApp: boolean,
    sorted: Uint8Array,
    groups: Uint32Array,
  ): number;
}

const GROUP_WORDS = 4;
const NEWLINE = 0x0a;

const addon = loadNativeAddon<Addon>();

/** A sorter for one thread; `choice` is for tests. */
export function createTopicSorter(template: string, choice: 'auto' | 'reference' = 'auto'): TopicSorter {
  const reference: TopicSorter = (lines, onUnreadable) => sortByTopic(template, lines, onUnreadable);
  if (addon === undefined || choice === 'reference') return reference;
  const { groupLines } = addon;
  const places = placesOf(template);
  const groups = new Uint32Array(KAFKA_LINE_GROUPS_MAX * GROUP_WORDS);
  const fields = createLineFields();
  let sorted = Buffer.alloc(0);

  return function sortLines(lines, onUnreadable) {
    if (sorted.length < lines.length) sorted = Buffer.allocUnsafeSlow(lines.length);
    const count = groupLines(lines, places.includes('event_type'), places.includes('app_id'), sorted, groups);
    const topics = new Map<string, Buffer>();
    let damaged: Buffer | undefined;
    for (let group = 0; group < count; group++) {
      const row = group * GROUP_WORDS;
      const ofGroup = sorted.subarray(groups[row]!, groups[row]! + groups[row + 1]!);
      if (groups[row + 2] === 1) {
        damaged = ofGroup;
        continue;
      }
      readLineFields(ofGroup, 0, ofGroup.indexOf(NEWLINE) + 1, fields);
      const topic = topicOf(template, ofGroup, fields);
      // Their lines must keep the order that they have between them.
      if (topics.has(topic)) return reference(lines, onUnreadable);
      topics.set(topic, ofGroup);
    }
    if (count < 0) return reference(lines, onUnreadable);
    if (damaged !== undefined) for (const line of eachLine(damaged)) onUnreadable(line);
    return [...topics].map(([topic, ofTopic]) => ({ topic, lines: ofTopic }));
  };
}

/** Each line with its newline. VIEWS. */
export function* eachLine(lines: Buffer): Generator<Buffer> {
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(NEWLINE, start);
    const end = newline < 0 ? lines.length : newline + 1;
    yield lines.subarray(start, end);
    start = end;
  }
}

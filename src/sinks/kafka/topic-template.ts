/**
 * The name of a topic, with `{app_id}` and `{event_type}` for what each event has. Kafka's names are 1 to 249 of
 * `a-z A-Z 0-9 . _ -`; what a value has beside them becomes `_`.
 */
import { HEAD_COLUMNS } from './batch-contract.ts';
import { createLineFields, headText, type LineFields, readLineFields } from './line-fields.ts';

const PLACES = ['app_id', 'event_type'] as const;
const TOPIC_BYTES_MAX = 249;
const NEWLINE = 0x0a;

/** What an absent value is called. */
const ABSENT = 'unknown';

/** Whether events of one block may go to several topics. */
export function isTemplate(topic: string): boolean {
  return placesOf(topic).length > 0;
}

/** Lines of one topic, in their order. */
export interface TopicLines {
  readonly topic: string;
  readonly lines: Buffer;
}

/** Sorts lines, each with its newline, by topic; a line that cannot be read goes to `onUnreadable`. COPY. Work per event: topic-sorter.ts has it in C++. */
export function sortByTopic(
  template: string,
  lines: Buffer,
  onUnreadable: (line: Buffer) => void,
): TopicLines[] {
  const fields = createLineFields();
  const columns = placesOf(template).map((place) => HEAD_COLUMNS.indexOf(place));
  const topics = new Map<string, Buffer[]>();
  /** By the values as they stand in the lines: several may give one topic. */
  const known = new Map<string, Buffer[]>();
  for (let start = 0, end = 0; start < lines.length; start = end) {
    const newline = lines.indexOf(NEWLINE, start);
    end = newline < 0 ? lines.length : newline + 1;
    const line = lines.subarray(start, end);
    if (!readLineFields(lines, start, end, fields)) {
      onUnreadable(line);
      continue;
    }
    let name = '';
    for (const column of columns) {
      const from = fields.starts[column] ?? 0;
      name += `${lines.toString('latin1', from, from + Math.max(0, fields.lengths[column] ?? 0))}\n`;
    }
    let group = known.get(name);
    if (group === undefined) {
      const topic = topicOf(template, lines, fields);
      group = topics.get(topic) ?? [];
      topics.set(topic, group);
      known.set(name, group);
    }
    group.push(line);
  }
  return [...topics].map(([topic, group]) => ({ topic, lines: Buffer.concat(group) }));
}

/** The topic of the line whose fields these are. */
export function topicOf(template: string, lines: Buffer, fields: LineFields): string {
  const filled = placesOf(template).reduce((name, place) => {
    const value = readValue(lines, fields, HEAD_COLUMNS.indexOf(place));
    return name.replaceAll(`{${place}}`, value.replaceAll(/[^a-zA-Z0-9._-]/g, '_'));
  }, template);
  return filled.slice(0, TOPIC_BYTES_MAX);
}

/** Columns that stand in the template. */
export function placesOf(template: string): (typeof PLACES)[number][] {
  return PLACES.filter((place) => template.includes(`{${place}}`));
}

function readValue(lines: Buffer, fields: LineFields, column: number): string {
  const text = (fields.lengths[column] ?? -1) < 0 ? undefined : headText(lines, fields, column);
  return text === undefined || text.length === 0 ? ABSENT : Buffer.from(text).toString();
}

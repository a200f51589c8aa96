/**
 * The name of a topic, with `{app_id}` and `{event_type}` for what each event has. Kafka's names are 1 to 249 of
 * `a-z A-Z 0-9 . _ -`; what a value has beside them becomes `_`.
 */
import { HEAD_COLUMNS } from './batch-contract.ts';
import { createLineFields, headText, readLineFields } from './line-fields.ts';

const PLACES = ['app_id', 'event_type'] as const;
const TOPIC_BYTES_MAX = 249;
const NEWLINE = 0x0a;

/** What an absent value is called. */
const ABSENT = 'unknown';

/** Whether events of one block may go to several topics. */
export function isTemplate(topic: string): boolean {
  return PLACES.some((place) => topic.includes(`{${place}}`));
}

/** Lines of one topic; VIEWS of the lines that were given, in their order. */
export interface TopicLines {
  readonly topic: string;
  readonly lines: Buffer[];
  bytes: number;
}

/** Sorts lines, each with its newline, by topic; a line that cannot be read goes to `onUnreadable`. Work per event: only for a template. */
export function sortByTopic(
  template: string,
  lines: Buffer,
  onUnreadable: (line: Buffer) => void,
): TopicLines[] {
  const fields = createLineFields();
  const groups = new Map<string, TopicLines>();
  const places = PLACES.filter((place) => template.includes(`{${place}}`));
  for (let start = 0, end = 0; start < lines.length; start = end) {
    const newline = lines.indexOf(NEWLINE, start);
    end = newline < 0 ? lines.length : newline + 1;
    const line = lines.subarray(start, end);
    if (!readLineFields(lines, start, end, fields)) {
      onUnreadable(line);
      continue;
    }
    const values = places.map((place) => {
      const column = HEAD_COLUMNS.indexOf(place);
      const text = (fields.lengths[column] ?? -1) < 0 ? undefined : headText(lines, fields, column);
      return text === undefined || text.length === 0 ? ABSENT : Buffer.from(text).toString();
    });
    const name = values.join('\n');
    let group = groups.get(name);
    if (group === undefined) {
      group = { topic: topicName(template, places, values), lines: [], bytes: 0 };
      groups.set(name, group);
    }
    group.lines.push(line);
    group.bytes += line.length;
  }
  return mergeByTopic([...groups.values()]);
}

function topicName(template: string, places: readonly string[], values: readonly string[]): string {
  const filled = places.reduce(
    (name, place, index) =>
      name.replaceAll(`{${place}}`, (values[index] ?? ABSENT).replaceAll(/[^a-zA-Z0-9._-]/g, '_')),
    template,
  );
  return filled.slice(0, TOPIC_BYTES_MAX);
}

/** Two values may give one name; each topic stands once. */
function mergeByTopic(groups: readonly TopicLines[]): TopicLines[] {
  const topics = new Map<string, TopicLines>();
  for (const group of groups) {
    const first = topics.get(group.topic);
    if (first === undefined) topics.set(group.topic, group);
    else {
      for (const line of group.lines) first.lines.push(line);
      first.bytes += group.bytes;
    }
  }
  return [...topics.values()];
}

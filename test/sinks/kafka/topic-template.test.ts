/** Topics by template: which event goes where. */
import { expect, test } from 'vitest';
import { createRandom } from '../../../bench/corpus.ts';
import { KAFKA_LINE_GROUPS_MAX } from '../../../src/limits.ts';
import { createTopicSorter, eachLine } from '../../../src/sinks/kafka/topic-sorter.ts';
import { isTemplate } from '../../../src/sinks/kafka/topic-template.ts';

function line(n: number, app: string | undefined, type: string | undefined): string {
  const fields = [`"event_id":"${n}"`];
  if (type !== undefined) fields.push(`"event_type":${JSON.stringify(type)}`);
  if (app !== undefined) fields.push(`"app_id":${JSON.stringify(app)}`);
  return `{${fields.join()},"timestamp":"2025-06-09T12:00:00.000Z","received_at":"2025-06-09T12:30:15.250Z","dialect":"penstock","transport":"http"}\n`;
}

/** By both ways, which must agree. */
function sort(template: string, lines: readonly string[]): [Record<string, string[]>, string[]] {
  const [expected, found] = (['reference', 'auto'] as const).map((choice) => {
    const unreadable: string[] = [];
    const put = (bad: Buffer) => void unreadable.push(bad.toString());
    const topics = createTopicSorter(template, choice)(Buffer.from(lines.join('')), put);
    const byTopic = topics.map(({ topic, lines: mine }) => [topic, [...eachLine(mine)].map(String)] as const);
    return [Object.fromEntries(byTopic), unreadable] as [Record<string, string[]>, string[]];
  });
  expect(found).toEqual(expected);
  return expected as [Record<string, string[]>, string[]];
}

test('a name without places is no template', () => {
  expect(['events', 'a.{app_id}', '{event_type}', '{user_id}'].map(isTemplate)).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('lines keep their order within a topic', () => {
  const lines = [line(1, 'a', 'x'), line(2, 'b', 'x'), line(3, 'a', 'y'), line(4, 'a', 'x')];
  expect(sort('e.{app_id}.{event_type}', lines)[0]).toEqual({
    'e.a.x': [lines[0], lines[3]],
    'e.b.x': [lines[1]],
    'e.a.y': [lines[2]],
  });
});

test('what Kafka does not take becomes _, what is absent unknown, and a name is cut at 249', () => {
  const lines = [
    line(1, 'a b', 'x'),
    line(2, 'a/b', 'x'),
    line(3, undefined, 'x'),
    line(4, 'w"\\', 'x'),
    line(5, 'l'.repeat(128), 'x'),
  ];
  const [sorted] = sort(`{app_id}-{app_id}-{event_type}`, lines);
  expect(sorted).toEqual({
    'a_b-a_b-x': [lines[0], lines[1]],
    'unknown-unknown-x': [lines[2]],
    'w__-w__-x': [lines[3]],
    [`${'l'.repeat(128)}-${'l'.repeat(120)}`]: [lines[4]],
  });
});

test('values that give one topic keep the order of their lines', () => {
  const lines = [line(1, 'a b', 'x'), line(2, 'a/b', 'x'), line(3, 'a b', 'x'), line(4, 'a_b', 'x')];
  expect(sort('{app_id}', lines)[0]).toEqual({ a_b: lines });
});

test('a value cannot name another place', () => {
  const lines = [line(1, '{event_type}', 'x')];
  expect(Object.keys(sort('{app_id}', lines)[0])).toEqual(['_event_type_']);
});

test('a line that is damaged is given back alone', () => {
  const lines = [line(1, 'a', 'x'), '{"no":1}\n', line(2, 'a', 'x')];
  expect(sort('{app_id}', lines)).toEqual([{ a: [lines[0], lines[2]] }, [lines[1]]]);
});

test('many values, in many orders, are sorted alike by both ways', () => {
  const random = createRandom(7);
  for (let round = 0; round < 200; round++) {
    const values = 1 + (random() % 40);
    const pick = (name: string) =>
      [undefined, '', `${name}"`, `${name}\u{1f389}`][random() % 8] ?? `${name}${random() % values}`;
    const lines = Array.from({ length: random() % 300 }, (_, n) =>
      random() % 50 === 0 ? `{"bad":${n}}\n` : line(n, pick('app'), pick('type')),
    );
    const template = ['{app_id}', '{event_type}', 'e.{event_type}.{app_id}'][random() % 3] ?? '';
    const [topics, unreadable] = sort(template, lines);
    expect(Object.values(topics).flat().concat(unreadable).toSorted()).toEqual(lines.toSorted());
  }
});

test('more values than there is room for', () => {
  const lines = Array.from({ length: 2 * KAFKA_LINE_GROUPS_MAX }, (_, n) =>
    line(n, `a${n % (KAFKA_LINE_GROUPS_MAX + 1)}`, 'x'),
  );
  expect(Object.keys(sort('{app_id}', lines)[0])).toHaveLength(KAFKA_LINE_GROUPS_MAX + 1);
});

/** Topics by template: which event goes where. */
import { expect, test } from 'vitest';
import { isTemplate, sortByTopic } from '../../../src/sinks/kafka/topic-template.ts';

function line(n: number, app: string | undefined, type: string | undefined): string {
  const fields = [`"event_id":"${n}"`];
  if (type !== undefined) fields.push(`"event_type":${JSON.stringify(type)}`);
  if (app !== undefined) fields.push(`"app_id":${JSON.stringify(app)}`);
  return `{${fields.join()},"timestamp":"2025-06-09T12:00:00.000Z","received_at":"2025-06-09T12:30:15.250Z","dialect":"penstock","transport":"http"}\n`;
}

function sort(template: string, lines: readonly string[]): [Record<string, string[]>, string[]] {
  const unreadable: string[] = [];
  const sorted = sortByTopic(
    template,
    Buffer.from(lines.join('')),
    (bad) => void unreadable.push(bad.toString()),
  );
  for (const { lines: mine, bytes } of sorted)
    expect(bytes).toBe(mine.reduce((sum, { length }) => sum + length, 0));
  return [Object.fromEntries(sorted.map(({ topic, lines: mine }) => [topic, mine.map(String)])), unreadable];
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

test('a value cannot name another place', () => {
  const lines = [line(1, '{event_type}', 'x')];
  expect(Object.keys(sort('{app_id}', lines)[0])).toEqual(['_event_type_']);
});

test('a line that is damaged is given back alone', () => {
  const lines = [line(1, 'a', 'x'), '{"no":1}\n', line(2, 'a', 'x')];
  expect(sort('{app_id}', lines)).toEqual([{ a: [lines[0], lines[2]] }, [lines[1]]]);
});

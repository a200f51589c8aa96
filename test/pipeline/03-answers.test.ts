/**
 * Chapter 3, the answers of HTTP. An answer never lies: it says for a single event its id, for a batch how many
 * were accepted and, by index, which were not and why.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startServer } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';

let server: Running;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  expect(await server.stop()).toBe(0);
});

interface AnswerBody {
  event_id: string;
  field?: string;
  detail: string;
  errors: { index: number }[];
}

async function post(path: string, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(`${server.url}${path}`, { method: 'POST', body: text });
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    body: (await answer.json()) as AnswerBody,
  };
}

describe('one event', () => {
  test('is accepted with its own id, and the answer states its ack level', async () => {
    const answer = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      body: JSON.stringify(testEvent(1)),
    });
    expect(answer.headers.get('penstock-ack')).toBe('journal');
    expect(await answer.json()).toEqual({ status: 'accepted', event_id: 'e-1' });
  });

  test('an id with quotes, escapes and emoji comes back as it was sent', async () => {
    const id = 'a"b\\c\n\u2028é🎉';
    expect((await post('/v1/events', { ...testEvent(2), event_id: id })).body).toEqual({
      status: 'accepted',
      event_id: id,
    });
  });

  test('without an id it gets a UUIDv7 of now', async () => {
    const { event_id: _, ...event } = testEvent(3);
    const before = Date.now();
    const { body } = await post('/v1/events', event);
    expect(body.event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const time = Number.parseInt(body.event_id.replaceAll('-', '').slice(0, 12), 16);
    expect(time).toBeGreaterThanOrEqual(before);
    expect(time).toBeLessThanOrEqual(Date.now());
  });

  test.each([
    ['no JSON', '{"event_type":', 'invalid_json', undefined],
    ['a scalar', '42', 'invalid_json', undefined],
    ['an array', [testEvent(1)], 'not_an_object', undefined],
    ['no event_type', { app_id: 'a', user_id: 'u' }, 'missing_field', 'event_type'],
    ['no app_id in open mode', { event_type: 't', user_id: 'u' }, 'missing_field', 'app_id'],
    ['neither device nor user', { event_type: 't', app_id: 'a' }, 'missing_field', 'device_id'],
    ['a number as id', { ...testEvent(1), user_id: 42 }, 'invalid_type', 'user_id'],
    ['an id of 257 bytes', { ...testEvent(1), user_id: 'x'.repeat(257) }, 'invalid_length', 'user_id'],
    ['a text as object', { ...testEvent(1), context: 'x' }, 'invalid_type', 'context'],
    ['a date of no calendar', { ...testEvent(1), timestamp: '2026-02-30' }, 'invalid_timestamp', 'timestamp'],
    ['the year 1999', { ...testEvent(1), timestamp: '1999-12-31' }, 'timestamp_out_of_range', 'timestamp'],
    [
      'a key twice',
      '{"event_type":"t","app_id":"a","user_id":"u","user_id":"v"}',
      'duplicate_key',
      undefined,
    ],
    ['bytes behind', `${JSON.stringify(testEvent(1))} true`, 'trailing_bytes', undefined],
    [
      '1e999',
      '{"event_type":"t","app_id":"a","user_id":"u","event_data":{"n":1e999}}',
      'number_out_of_range',
      undefined,
    ],
  ])('%s is refused with its code and field', async (_what, body, code, field) => {
    const answer = await post('/v1/events', body);
    expect(answer).toMatchObject({
      status: 400,
      type: 'application/problem+json',
      body: { code, status: 400 },
    });
    if (field !== undefined) expect(answer.body.field).toBe(field);
    expect(answer.body.detail.length).toBeGreaterThan(5);
  });
});

describe('a batch', () => {
  test('as array, as envelope and as NDJSON', async () => {
    const events = (shape: string) => testEvents(7, shape);
    const ndjson = (shape: string) =>
      events(shape)
        .map((event) => JSON.stringify(event))
        .join('\n');
    for (const body of [
      events('array'),
      { events: events('envelope') },
      ndjson('lines'),
      `${ndjson('end')}\n`,
    ]) {
      expect(await post('/v1/events/batch', body)).toEqual({
        status: 200,
        type: 'application/json',
        body: { status: 'accepted', accepted: 7, rejected: 0, errors: [] },
      });
    }
  });

  test('a bad event does not spoil its neighbours, and is named by its index', async () => {
    const good = (n: number) => JSON.stringify(testEvent(n, 'good'));
    const body = `[${good(1)},{"event_type":tru},${good(2)},{"event_type":"t","app_id":"a"},${good(3)},17]`;
    expect((await post('/v1/events/batch', body)).body).toEqual({
      status: 'partial',
      accepted: 3,
      rejected: 3,
      errors: [
        { index: 1, code: 'invalid_json', message: expect.any(String) },
        { index: 3, code: 'missing_field', field: 'device_id', message: 'device_id is required' },
        { index: 5, code: 'not_an_object', message: expect.any(String) },
      ],
    });
  });

  test('of which nothing was accepted is 400, with the errors', async () => {
    const answer = await post('/v1/events/batch', [{}, { event_type: 't' }]);
    expect(answer).toMatchObject({
      status: 400,
      type: 'application/problem+json',
      body: { code: 'missing_field', accepted: 0, rejected: 2 },
    });
    expect(answer.body.errors).toHaveLength(2);
  });

  test('names the first 100 errors and counts them all', async () => {
    const { body } = await post('/v1/events/batch', [testEvent(1, 'first'), ...Array(300).fill({})]);
    expect(body).toMatchObject({ status: 'partial', accepted: 1, rejected: 300 });
    expect(body.errors.map((error) => error.index)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  test('of 1,000 is taken, of 1,001 refused whole', async () => {
    expect((await post('/v1/events/batch', testEvents(1000, 'k'))).body).toMatchObject({ accepted: 1000 });
    const over = await post('/v1/events/batch', testEvents(1001, 'over'));
    expect(over).toMatchObject({ status: 400, body: { code: 'batch_too_large' } });
    await server.ready();
    await server.waitForCount("SELECT count() FROM events WHERE startsWith(event_id, 'k-')", 1000);
    expect(
      await server.query("SELECT count() AS n FROM events WHERE startsWith(event_id, 'over-')"),
    ).toMatchObject([{ n: expect.toSatisfy((n: unknown) => Number(n) === 0) }]);
  });

  test('that is cut short is refused whole: no event of it is half accepted', async () => {
    const text = JSON.stringify(testEvents(10, 'cut'));
    const answer = await post('/v1/events/batch', text.slice(0, -200));
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_json' } });
  });

  test('that is empty is accepted with nothing in it', async () => {
    expect((await post('/v1/events/batch', [])).body).toEqual({
      status: 'accepted',
      accepted: 0,
      rejected: 0,
      errors: [],
    });
  });
});

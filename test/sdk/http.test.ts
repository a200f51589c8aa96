/** POST, and the ways between it and the stream, on a clock that stands still. */
import { describe, expect, test } from 'vitest';
import { createPlace, numbersOf, type Place } from './virtual.ts';

const OK = { status: 200, body: { status: 'accepted', accepted: 1, rejected: 0, errors: [] } };

/** A place without WebSockets that has tracked events 1 to `count`. */
function posting(count: number): Place {
  const place = createPlace({ transport: 'http' });
  place.answers = [OK];
  for (let n = 1; n <= count; n++) place.client.track('t', { n });
  return place;
}

describe('POST', () => {
  test('gathers for a second; flush does not wait', async () => {
    const place = posting(2);
    await place.pass(900);
    expect(place.posts).toEqual([]);
    await place.pass(200);
    expect(numbersOf(place.posts[0])).toEqual([1, 2]);
    place.client.track('t', { n: 3 });
    const flushed = place.client.flush();
    await place.pass(1);
    expect(await flushed).toBe(true);
    expect(place.posts.map(numbersOf)).toEqual([[1, 2], [3]]);
    expect(place.client.stats()).toMatchObject({ acknowledged: 3, transport: 'none' });
  });

  test('cuts batches at 500 events and at the bytes of a page', async () => {
    const place = posting(1_100);
    await place.pass(1);
    expect(Math.max(...place.posts.map((body) => body.length))).toBeLessThanOrEqual(30_001);
    expect(place.posts.flatMap(numbersOf)).toEqual(Array.from({ length: 1_100 }, (_, n) => n + 1));
  });

  test('keeps Retry-After, to five minutes, and adds chance to it', async () => {
    const place = posting(1);
    place.answers = [{ status: 503, headers: { 'retry-after': '7' } }, OK];
    await place.pass(7_900);
    expect(place.posts.length).toBe(1);
    await place.pass(2_000);
    expect(place.posts.length).toBe(2);
    expect(place.client.stats().acknowledged).toBe(1);

    const long = posting(1);
    long.answers = [{ status: 503, headers: { 'retry-after': '86400' } }, OK];
    await long.pass(302_000);
    expect(long.posts.length).toBe(2);
  });

  test('without an answer waits a second or more, and longer each time', async () => {
    const place = posting(1);
    place.answers = [];
    await place.pass(1_000);
    expect(place.posts.length).toBe(1);
    await place.pass(990);
    expect(place.posts.length).toBe(1);
    await place.pass(1_800_000);
    // 31 s at most, half of it by chance: a half hour has about 110.
    expect(place.posts.length).toBeGreaterThan(60);
    expect(place.posts.length).toBeLessThan(200);
    expect(new Set(place.posts).size).toBe(1);
    expect(place.errors).toMatchObject([{ code: 'unreachable' }]);
    place.answers = [OK];
    place.goOnline();
    await place.pass(1);
    expect(place.client.stats()).toMatchObject({ acknowledged: 1, queued: 0 });
  });

  test('takes no answer for Penstock’s that does not count events', async () => {
    for (const body of ['<html>Welcome to our hotel</html>', '{}', '[]', 'null', '']) {
      const place = posting(1);
      place.answers = [{ status: 200, body }];
      await place.pass(1_500);
      expect(place.client.stats(), body).toMatchObject({ acknowledged: 0, queued: 1 });
    }
  });

  test('halves what is too large, and gives up what is so alone', async () => {
    const place = posting(4);
    place.answers = [{ status: 413 }, { status: 413 }, { status: 413 }, OK];
    await place.pass(1_500);
    expect(place.posts.map(numbersOf)).toEqual([[1, 2, 3, 4], [1, 2], [1], [2], [3], [4]]);
    expect(place.client.stats()).toMatchObject({ acknowledged: 4, rejected: 1, queued: 0 });
    expect(place.errors).toMatchObject([{ code: 'rejected', events: 1 }]);
  });

  test('tells of events that the server found wrong', async () => {
    const place = posting(3);
    const errors = [{ index: 1, code: 'invalid_type', message: 'event_data has the wrong JSON type' }];
    place.answers = [{ status: 200, body: { status: 'partial', accepted: 2, rejected: 1, errors } }];
    await place.pass(1_500);
    expect(place.errors).toEqual([
      { code: 'rejected', events: 1, message: '200 event_data has the wrong JSON type' },
    ]);
    expect(place.client.stats()).toMatchObject({ acknowledged: 3, rejected: 1, queued: 0 });
    const all = posting(1);
    all.answers = [{ status: 400, body: { code: 'missing_field', accepted: 0, rejected: 1, errors } }];
    await all.pass(1_500);
    expect(all.client.stats()).toMatchObject({ acknowledged: 1, rejected: 1, queued: 0 });
  });

  test('that is refused keeps its events, and asks once a minute', async () => {
    for (const answer of [
      { status: 401 },
      { status: 403 },
      { status: 404 },
      { status: 400, body: { code: 'ack_level_unavailable' } },
    ]) {
      const place = posting(1);
      place.answers = [answer];
      await place.pass(130_000);
      expect(place.posts.length).toBe(3);
      expect(place.errors[0]).toMatchObject({ code: 'refused' });
      expect(place.client.stats().queued).toBe(1);
    }
  });
});

describe('between stream and POST', () => {
  test('a stream without a welcome gives way to POST, and is tried again after a minute', async () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.answers = [OK];
    await place.pass(8_900);
    expect([place.sockets.length, place.posts.length]).toEqual([1, 0]);
    await place.pass(200);
    expect(place.posts.map(numbersOf)).toEqual([[1]]);
    place.client.track('t', { n: 2 });
    await place.pass(1_100);
    expect([place.sockets.length, place.posts.length]).toEqual([1, 2]);
    await place.pass(60_000);
    place.client.track('t', { n: 3 });
    expect(place.sockets.length).toBe(2);
    place.socket().welcome();
    expect(place.socket().numbers()).toEqual([3]);
    expect(place.client.stats().transport).toBe('stream');
  });

  test('what was streamed is posted a second later at the earliest', async () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.socket().welcome();
    place.socket().onclose?.({ code: 1006 });
    await place.pass(2_000);
    expect(place.sockets.length).toBe(2);
    place.answers = [OK];
    place.socket().onclose?.({ code: 1006 });
    await place.pass(990);
    expect(place.posts).toEqual([]);
    await place.pass(20);
    expect(place.posts.map(numbersOf)).toEqual([[1]]);
  });

  test('the stream alone, where it is asked for', async () => {
    const place = createPlace({ transport: 'stream' });
    place.client.track('t', { n: 1 });
    for (let tries = 0; tries < 5; tries++) {
      place.socket().onclose?.({ code: 1006 });
      await place.pass(30_500);
    }
    expect([place.sockets.length > 4, place.posts.length]).toEqual([true, 0]);
  });
});

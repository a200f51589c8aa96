/** The stream as the client sees it, on a clock that stands still. */
import { describe, expect, test } from 'vitest';
import { createPlace, VirtualStorage } from './virtual.ts';

describe('a stream', () => {
  test('is opened with key, level and session, and has one event a message, at once', () => {
    const place = createPlace({ ack: 'fsync' });
    const id = place.client.track('opened', { n: 1 });
    const { url } = place.socket();
    expect(`${url.protocol}//${url.host}${url.pathname}`).toBe('wss://events.test/v1/stream');
    expect([url.searchParams.get('key'), url.searchParams.get('ack')]).toEqual(['k1', 'fsync']);
    expect(url.searchParams.get('session')).toMatch(/^[0-9a-f-]{36}$/);
    expect(place.socket().sent).toEqual([]);
    place.socket().welcome();
    place.client.track('opened', { n: 2 });
    expect(place.socket().numbers()).toEqual([1, 2]);
    expect(JSON.parse(place.socket().sent[0] ?? '')).toMatchObject({ event_id: id, event_type: 'opened' });
  });

  test('keeps to the credit, and waits at 0', () => {
    const place = createPlace();
    for (let n = 1; n <= 5; n++) place.client.track('t', { n });
    const bytes = place.client.stats().queuedBytes / 5;
    place.socket().welcome(0, 2 * bytes);
    expect(place.socket().numbers()).toEqual([1, 2]);
    place.socket().ack(1);
    expect(place.socket().numbers()).toEqual([1, 2, 3]);
    place.socket().says({ type: 'credit', credit_bytes: 0 });
    place.socket().ack(3);
    expect(place.socket().numbers()).toEqual([1, 2, 3]);
    place.socket().says({ type: 'credit', credit_bytes: 10 * bytes });
    expect(place.socket().numbers()).toEqual([1, 2, 3, 4, 5]);
    place.socket().ack(5);
    expect(place.client.stats()).toMatchObject({ acknowledged: 5, queued: 0, queuedBytes: 0 });
  });

  test('goes on behind last_seq, in the same session', async () => {
    const place = createPlace();
    for (let n = 1; n <= 4; n++) place.client.track('t', { n });
    place.socket().welcome();
    place.socket().ack(1);
    place.socket().onclose?.({ code: 1006 });
    await place.pass(2_000);
    expect(place.sockets.length).toBe(2);
    expect(place.socket().url.search).toBe(place.sockets[0]?.url.search);
    place.socket().welcome(3);
    expect(place.socket().numbers()).toEqual([4]);
    place.socket().ack(4);
    expect(place.client.stats()).toMatchObject({ taken: 4, acknowledged: 4, queued: 0 });
  });

  test('begins a new session where the server has forgotten the old one, and where another connection took it', async () => {
    const place = createPlace();
    for (let n = 1; n <= 3; n++) place.client.track('t', { n });
    place.socket().welcome();
    place.socket().ack(2);
    place.socket().onclose?.({ code: 1012 });
    await place.pass(2_000);
    // Fewer than were acknowledged.
    place.socket().welcome(0);
    await place.pass(1);
    expect(place.sockets.length).toBe(3);
    place.socket().welcome(0);
    expect(place.socket().numbers()).toEqual([3]);
    place.socket().onclose?.({ code: 4001 });
    await place.pass(2_000);
    const sessions = place.sockets.map(({ url }) => url.searchParams.get('session'));
    expect(sessions[0]).toBe(sessions[1]);
    expect(new Set(sessions).size).toBe(3);
    place.socket().welcome(0);
    expect(place.socket().numbers()).toEqual([3]);
  });

  test('without an ack for 30 s is taken for dead', async () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.socket().welcome();
    await place.pass(29_900);
    expect(place.socket().isClosed).toBe(false);
    await place.pass(200);
    expect(place.sockets[0]?.isClosed).toBe(true);
    expect(place.errors).toMatchObject([{ code: 'unreachable', events: 0 }]);
    await place.pass(2_000);
    place.socket().welcome(1);
    expect(place.client.stats()).toMatchObject({ acknowledged: 1, queued: 0 });
  });

  test('with nothing to send is closed, and opened again for the next event', async () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.socket().welcome();
    place.socket().ack(1);
    await place.pass(10_100);
    expect(place.socket().isClosed).toBe(true);
    place.client.track('t', { n: 2 });
    expect(place.sockets.length).toBe(2);
    place.socket().welcome(1);
    expect(place.socket().numbers()).toEqual([2]);
    expect(place.errors).toEqual([]);
  });

  test('passes over an event that this server will never take, in its number', () => {
    const place = createPlace();
    place.client.track('t', { n: 1, text: 'x'.repeat(2_000) });
    place.client.track('t', { n: 2 });
    place.socket().welcome(0, 10_000, 1_000);
    expect(place.socket().sent.length).toBe(2);
    expect(place.socket().sent[0]).toBe('');
    expect(place.errors).toMatchObject([{ code: 'event_too_large', events: 1 }]);
    place.socket().ack(2, { rejected: 1, errors: [{ message: 'the body is empty' }] });
    expect(place.client.stats()).toMatchObject({ acknowledged: 2, rejected: 1, queued: 0, queuedBytes: 0 });
  });

  test('that says nonsense does no harm', async () => {
    const place = createPlace({ transport: 'stream' });
    place.client.track('t', { n: 1 });
    for (const text of ['', 'null', '[]', '{"type":"ack","seq":1}', '{"type":"welcome"}']) {
      place.socket().onmessage?.({ data: text });
    }
    await place.pass(2_000);
    place.socket().welcome();
    place.socket().ack(9);
    place.socket().onmessage?.({ data: '{"type":"ack","seq":"x"}' });
    expect(place.client.stats()).toMatchObject({ acknowledged: 0, queued: 1 });
  });

  test('whose key is unknown is tried again once a minute, and said', async () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.socket().onclose?.({ code: 1008 });
    await place.pass(59_000);
    expect([place.sockets.length, place.posts.length]).toEqual([1, 0]);
    await place.pass(2_000);
    expect(place.sockets.length).toBe(2);
    expect(place.errors).toMatchObject([{ code: 'refused' }]);
  });
});

describe('a client after one that died', () => {
  test('goes on in its session, behind what the server has', () => {
    const queue = new VirtualStorage();
    const first = createPlace({ queue });
    for (let n = 1; n <= 3; n++) first.client.track('t', { n });
    first.socket().welcome();
    const second = createPlace({ queue });
    second.client.track('t', { n: 4 });
    expect(second.socket().url.search).toBe(first.socket().url.search);
    second.socket().welcome(2);
    expect(second.socket().numbers()).toEqual([3, 4]);
    second.socket().ack(4);
    expect(second.client.stats()).toMatchObject({ taken: 4, acknowledged: 4, queued: 0 });
  });

  test('does not take its own events for those that storage had lost, even if it dies too', async () => {
    const queue = new VirtualStorage();
    const first = createPlace({ queue });
    first.client.track('t', { n: 1 });
    first.socket().welcome();
    queue.isDeaf = true;
    first.client.track('t', { n: 2 });
    expect(first.socket().numbers()).toEqual([1, 2]);
    queue.isDeaf = false;
    // Event 3 gets the number that 2 had, and its client dies before it is welcomed.
    createPlace({ queue }).client.track('t', { n: 3 });
    const third = createPlace({ queue });
    third.client.track('t', { n: 4 });
    third.socket().welcome(2);
    await third.pass(1);
    third.socket().welcome(0);
    expect(third.socket().numbers()).toEqual([3, 4]);
  });

  test('begins a new session when events left by POST', async () => {
    const queue = new VirtualStorage();
    const first = createPlace({ queue });
    first.client.track('t', { n: 1 });
    first.socket().onclose?.({ code: 1006 });
    first.answers = [{ status: 200, body: { accepted: 1, rejected: 0 } }];
    await first.pass(2_000);
    first.client.track('t', { n: 2 });
    const second = createPlace({ queue });
    expect(second.socket().url.search).not.toBe(first.socket().url.search);
    second.socket().welcome(0);
    expect(second.socket().numbers()).toEqual([2]);
  });
});

/** What callers see: bounds, identity, beacons, and that nothing is thrown. */
import { describe, expect, test } from 'vitest';
import { jitterMs } from '../../src/sdk/backoff.ts';
import { createUuid } from '../../src/sdk/uuid.ts';
import { createPlace, numbersOf, type Place, START_MS, VirtualStorage } from './virtual.ts';

/** Events that were sent on the place's first socket. */
function sentBy(place: Place): Record<string, unknown>[] {
  if (place.socket().sent.length === 0) place.socket().welcome();
  return place.socket().sent.map((text) => JSON.parse(text) as Record<string, unknown>);
}

describe('an event', () => {
  test('has the columns of the server by their names', () => {
    const place = createPlace({ appVersion: '1.2', deviceId: 'd1' });
    const { client } = place;
    client.track('clicked', { where: 'top' }, { context: { a: 1 }, attribution: { utm_source: 's' } });
    client.page('home', { n: 1 });
    client.identify('u1', { plan: 'pro' });
    client.track('after', undefined, { eventId: 'e1', timestamp: new Date(1_000), sessionId: 's1' });
    const library = { name: 'penstock-client', version: '0.1.0' };
    expect(sentBy(place)).toMatchObject([
      {
        event_type: 'clicked',
        device_id: 'd1',
        timestamp: START_MS,
        platform: 'web',
        app_version: '1.2',
        event_data: { where: 'top' },
        attribution: { utm_source: 's' },
        context: { library, a: 1 },
      },
      { event_type: 'page', event_data: { name: 'home', n: 1 } },
      { event_type: 'identify', user_id: 'u1', event_data: { plan: 'pro' } },
      { event_id: 'e1', event_type: 'after', user_id: 'u1', session_id: 's1', timestamp: 1_000 },
    ]);
  });

  test('is refused, and said to be, when it is none or there is no room; nothing is thrown', async () => {
    const place = createPlace({
      queueEventsMax: 2,
      onError: () => {
        throw new Error('theirs');
      },
    });
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    const { client } = place;
    const hostile = {
      get boom() {
        throw new Error('boom');
      },
    };
    expect(client.track('')).toBe('');
    expect(client.track(undefined as never)).toBe('');
    expect(client.track('t', circle)).toBe('');
    expect(client.track('t', hostile)).toBe('');
    expect(client.track('t', { n: 1n })).toBe('');
    expect(client.track('t', { text: 'x'.repeat(300_000) })).toBe('');
    expect(client.track('t', {}, null as never)).toBe('');
    expect([client.track('t'), client.track('t')]).not.toContain('');
    // The newest: what was taken stays.
    expect(client.track('t')).toBe('');
    expect(client.stats()).toMatchObject({ taken: 2, queued: 2, dropped: 8 });
    expect(await Promise.race([client.close(0), place.pass(1)])).not.toBe(true);
    expect(client.track('t')).toBe('');
  });

  test('bytes are counted as UTF-8, and bounded', () => {
    const place = createPlace({ queueBytesMax: 1_000 });
    expect(place.client.track('t', { text: 'é'.repeat(400) })).toBe('');
    expect(place.client.track('t', { text: 'e'.repeat(400) })).not.toBe('');
    expect(place.errors).toMatchObject([{ code: 'queue_full', events: 1 }]);
  });

  test('has an id in the order of time', () => {
    const idAt = (ms: number) => createUuid({ nowMs: () => ms, random: (bytes) => bytes.fill(0xff) });
    expect(idAt(0x0123_4567_89ab)).toBe('01234567-89ab-7fff-bfff-ffffffffffff');
    expect(idAt(START_MS) < idAt(START_MS + 1)).toBe(true);
  });
});

test('pauses are chance below a bound that doubles', () => {
  expect([1, 2, 3, 4, 50].map((failures) => jitterMs(failures, 30_000, 1))).toEqual([
    1_000, 2_000, 4_000, 8_000, 30_000,
  ]);
  expect(jitterMs(3, 30_000, 0)).toBe(0);
  expect(jitterMs(3, 30_000, 0.5)).toBe(2_000);
});

describe('identity', () => {
  test('the device is remembered, the person too, until reset', () => {
    const first = createPlace({ hasVisits: true });
    first.client.identify('u1');
    const second = createPlace({ hasVisits: true, keyValue: first.keyValue });
    second.client.track('t');
    second.client.reset();
    second.client.track('t');
    const [before, after] = sentBy(second);
    expect(before).toMatchObject({ device_id: sentBy(first)[0]?.['device_id'], user_id: 'u1' });
    expect(after?.['user_id']).toBeUndefined();
    expect(after?.['device_id']).not.toBe(before?.['device_id']);
    expect(after?.['session_id']).not.toBe(before?.['session_id']);
  });

  test('a visit ends after half an hour without events; its campaign stays with it', async () => {
    let campaign: Record<string, string> | undefined = { utm_source: 'mail' };
    const place = createPlace({ hasVisits: true, campaign: () => campaign });
    const { client, pass } = place;
    client.track('t');
    campaign = undefined;
    await pass(29 * 60_000);
    client.track('t');
    await pass(29 * 60_000);
    client.track('t');
    await pass(31 * 60_000);
    client.track('t');
    const events = place.storage.stored.texts.map((text) => JSON.parse(text) as Record<string, unknown>);
    const visits = events.map((event) => event['session_id']);
    expect([visits[0] === visits[2], visits[2] === visits[3]]).toEqual([true, false]);
    expect(events.map((event) => event['attribution'])).toEqual([
      { utm_source: 'mail' },
      { utm_source: 'mail' },
      { utm_source: 'mail' },
      {},
    ]);
  });
});

describe('a page that goes', () => {
  test('leaves to a beacon what was not sent, once, and nothing of what was streamed', () => {
    const place = createPlace();
    place.client.track('t', { n: 1 });
    place.leave();
    expect(place.beacons.map(numbersOf)).toEqual([[1]]);
    place.leave();
    place.client.track('t', { n: 2 });
    place.leave();
    expect(place.beacons.map(numbersOf)).toEqual([[1], [2]]);
    place.socket().welcome();
    place.client.track('t', { n: 3 });
    place.leave();
    expect(place.beacons.length).toBe(2);
    expect(place.client.stats().queued).toBe(3);
  });

  test('that comes back soon sends it again; after hours it is taken as stored', async () => {
    for (const [hours, sent] of [
      [0.05, [1, 2, 3]],
      [5, [2, 3]],
    ] as const) {
      const queue = new VirtualStorage();
      const first = createPlace({ queue });
      first.client.track('t', { n: 1 });
      first.leave();
      first.client.track('t', { n: 2 });
      const second = createPlace({
        queue,
        keyValue: first.keyValue,
        startMs: START_MS + hours * 3_600_000,
      });
      second.client.track('t', { n: 3 });
      second.socket().welcome();
      // What was taken out has changed the numbers: a new connection, in a session of its own.
      await second.pass(1);
      if (second.sockets.length > 1) second.socket().welcome();
      expect(second.socket().numbers()).toEqual(sent);
      expect(second.client.stats()).toMatchObject({
        taken: 3,
        beaconed: 3 - sent.length,
        queued: sent.length,
      });
      expect(second.storage.stored.texts.length).toBe(sent.length);
    }
  });

  test('sends no beacon to a server that has no room, unless nothing else would keep the events', () => {
    for (const isPersistent of [true, false]) {
      const queue = new VirtualStorage();
      queue.isPersistent = isPersistent;
      const place = createPlace({ queue });
      place.client.track('t', { n: 1 });
      place.socket().welcome(0, 0);
      place.leave();
      expect(place.beacons.map(numbersOf)).toEqual(isPersistent ? [] : [[1]]);
    }
  });

  test('leaves events to a beacon that storage has not even been opened for', () => {
    const queue = new VirtualStorage();
    queue.open = () => new Promise(() => {}) as never;
    const place = createPlace({ queue });
    place.client.track('t', { n: 1 });
    place.leave();
    expect(place.beacons.map(numbersOf)).toEqual([[1]]);
  });

  test('sends no beacon to a server that was not there, and keeps the events', async () => {
    const place = createPlace({ transport: 'http' });
    place.client.track('t', { n: 1 });
    await place.pass(1_500);
    place.leave();
    expect(place.beacons).toEqual([]);
    expect(place.storage.stored.texts.length).toBe(1);
  });
});

test('storage that fails costs no event', async () => {
  const queue = new VirtualStorage();
  queue.open = () => {
    throw new Error('no disk');
  };
  const place = createPlace({ queue });
  place.client.track('t', { n: 1 });
  place.socket().welcome();
  place.socket().ack(1);
  expect(place.client.stats()).toMatchObject({ acknowledged: 1, isPersistent: false });
  expect(place.errors).toMatchObject([{ code: 'storage_failed', events: 0 }]);
});

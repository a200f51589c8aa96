/** Words of a dialect's table that are about a request as a whole: its envelope, clock, secrets, sender and events. */
import { describe, expect, it } from 'vitest';
import { Shape } from '../../src/dialects/dialect.ts';
import { SKEW_DEAD_ZONE_MS } from '../../src/limits.ts';
import { event, iso, RECEIVED_MS, scanBody, scanEvent, tableWith } from './harness.ts';

describe('paths of the envelope', () => {
  const table = tableWith({ columns: { platform: ['p', '^p', '^q.r'], context: ['^ctx'] } });
  it('fill the columns of every event, and stay fields of the rest', () => {
    const body = {
      q: { r: 'R' },
      events: [event({ event_id: '1' }), event({ event_id: '2', p: 'own' })],
      p: null,
    };
    expect(scanBody(table, body).events.map((one) => [one['platform'], one['context']])).toEqual([
      ['R', { q: { r: 'R' }, p: null }],
      ['own', { q: { r: 'R' }, p: null }],
    ]);
  });
  it('may be objects, and the rest column itself', () => {
    const body = { ctx: { a: 1 }, events: [event({ b: 2 })] };
    expect(scanBody(table, body).events[0]?.['context']).toEqual({ a: 1, b: 2, ctx: { a: 1 } });
  });
  it('are absent where there is no envelope, and forgotten with it', () => {
    const enveloped = JSON.stringify({ p: 'P', events: [event({})] });
    expect(scanBody(table, enveloped).events[0]?.['platform']).toBe('P');
    expect(scanBody(table, [event({})]).events[0]).not.toHaveProperty('platform');
    expect(scanBody(table, event({}), { shape: Shape.single }).events[0]).not.toHaveProperty('platform');
    expect(scanEvent(table, { ...event({}), p: 'own' })['platform']).toBe('own');
  });
});

describe('sentAt', () => {
  const table = tableWith({
    columns: { timestamp: [{ path: 'true_time', exact: true }, 'timestamp'] },
    sentAt: ['sent', '^sent'],
  });
  const timeOf = (fields: object, envelope: object = {}) =>
    scanBody(table, { ...envelope, events: [event(fields)] }).events[0]?.['timestamp'];
  const HOUR_MS = 3_600_000;
  const at = (ms: number) => iso(RECEIVED_MS + ms);

  it('shifts the client’s time by how far its clock is off, both ways', () => {
    expect(timeOf({ timestamp: at(HOUR_MS - 5000), sent: at(HOUR_MS) })).toBe(at(-5000));
    expect(timeOf({ timestamp: at(-HOUR_MS - 5000), sent: at(-HOUR_MS) })).toBe(at(-5000));
  });
  it('leaves small differences alone: stale retries and slow networks', () => {
    for (const off of [SKEW_DEAD_ZONE_MS, -SKEW_DEAD_ZONE_MS]) {
      expect(timeOf({ timestamp: at(-5000), sent: at(off) })).toBe(at(-5000));
    }
    expect(timeOf({ timestamp: at(-5000), sent: at(SKEW_DEAD_ZONE_MS + 1) })).toBe(
      at(-5000 - SKEW_DEAD_ZONE_MS - 1),
    );
  });
  it('is the event’s own, else the envelope’s, the first that is a time', () => {
    expect(timeOf({ timestamp: at(HOUR_MS) }, { sent: at(HOUR_MS) })).toBe(at(0));
    expect(timeOf({ timestamp: at(HOUR_MS), sent: at(0) }, { sent: at(HOUR_MS) })).toBe(at(HOUR_MS));
    for (const sent of ['garbage', true, {}, null, 0]) {
      expect(timeOf({ timestamp: at(HOUR_MS), sent }, { sent: at(HOUR_MS) })).toBe(at(0));
    }
    expect(timeOf({ timestamp: at(HOUR_MS), sent: RECEIVED_MS + HOUR_MS })).toBe(at(0));
  });
  it('says nothing of times that are exact, or that the server set', () => {
    expect(timeOf({ true_time: at(HOUR_MS), sent: at(HOUR_MS) })).toBe(at(HOUR_MS));
    expect(timeOf({ sent: at(HOUR_MS) })).toBe(at(0));
  });
  it('never takes a time out of range', () => {
    expect(timeOf({ timestamp: '2000-01-01T00:00:01Z', sent: at(HOUR_MS) })).toBe('2000-01-01T00:00:01.000Z');
    expect(timeOf({ timestamp: '2099-12-31T23:59:59Z', sent: at(-HOUR_MS) })).toBe(
      '2099-12-31T23:59:59.000Z',
    );
  });
  it('is kept, so that the time as it was sent can be found again', () => {
    expect(
      scanBody(table, { sent: 1, events: [event({ sent: at(HOUR_MS) })] }).events[0]?.['context'],
    ).toEqual({
      sent: at(HOUR_MS),
      _sent: 1,
    });
  });
});

describe('secrets', () => {
  const table = tableWith({ columns: { app_id: ['key', '^key'] }, secrets: ['key', '^key', 'token'] });
  it('are in no line, whether of the event, of the envelope, or under an escaped name', () => {
    const body = `{"key":"hush1","events":[{"event_type":"t","token":{"a":"hush2"},"\\u006bey":"shop","x":1}]}`;
    const { lines } = scanBody(table, body, { app: 1 });
    expect(lines.length).toBe(1);
    expect(lines[0]).not.toContain('hush');
    expect(lines[0]).toContain('"context":{"x":1}');
  });
  it('may name the app where no key is asked for', () => {
    expect(scanBody(table, { key: 'k1', events: [event({})] }).events[0]).toMatchObject({ app_id: 'k1' });
    expect(scanBody(table, { key: 'k1', events: [event({})] }).events[0]).not.toHaveProperty('context');
  });
  it('do not count against the room for the envelope’s fields', () => {
    expect(
      scanBody(table, { key: 'k'.repeat(5000), events: [event({})] }, { app: 1 }).reason,
    ).toBeUndefined();
    expect(scanBody(table, { kez: 'k'.repeat(5000), events: [event({})] }, { app: 1 }).reason).toBe(
      'envelope_too_large',
    );
  });
});

describe('direct', () => {
  const table = tableWith({ direct: { path: 'lib', is: ['browser'] } });
  const sender = { address: [203, 0, 113, 7], userAgent: 'Agent' };
  it('gives address and user agent to events of the connection’s own person, event by event', () => {
    const { events } = scanBody(
      table,
      [event({ lib: 'browser' }), event({ lib: 'node' }), event({})],
      sender,
    );
    expect(events.map((one) => [one['ip'], one['user_agent']])).toEqual([
      ['203.0.113.7', 'Agent'],
      [undefined, undefined],
      [undefined, undefined],
    ]);
  });
  it('is every event where the table does not say', () => {
    expect(scanBody(tableWith({}), event({}), sender).events[0]).toMatchObject({ ip: '203.0.113.7' });
  });
});

describe('batchEventsMax', () => {
  const batch = (count: number) =>
    Array.from({ length: count }, (_none, index) => event({ event_id: `e${index}` }));
  it('is the larger of the dialect’s and the configuration’s', () => {
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), batch(1200)).events.length).toBe(1200);
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), batch(1201)).reason).toBe('batch_too_large');
    expect(scanBody(tableWith({ batchEventsMax: 10 }), batch(1000)).events.length).toBe(1000);
    const lines = batch(1201)
      .map((one) => JSON.stringify(one))
      .join('\n');
    expect(scanBody(tableWith({ batchEventsMax: 1200 }), lines).reason).toBe('batch_too_large');
    expect(scanBody(tableWith({ batchEventsMax: 1201 }), lines).events.length).toBe(1201);
  });
});

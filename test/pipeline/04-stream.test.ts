/**
 * Chapter 4, the stream. A WebSocket client sends messages numbered by their order; the server says up to which
 * number all is taken. Whatever goes wrong, a message without an ack is the client's to send again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { type Running, startServer } from '../support/appliance.ts';
import { testEvent, testEvents } from '../support/events.ts';
import { StreamClient } from '../support/stream-client.ts';

const limits = { message_bytes_max: 200_000, credit_bytes: 400_000 };
let server: Running;
beforeAll(async () => {
  server = await startServer({ config: { limits } });
});
afterAll(async () => {
  expect((await fetch(`${server.url}/health`)).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

describe('a connection', () => {
  test('is welcomed with its credit and the message limit, and gets the subprotocol it asked for', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    expect(client.welcome).toMatchObject({
      type: 'welcome',
      credit_bytes: 400_000,
      max_message_bytes: 200_000,
    });
    expect(client.socket.protocol).toBe('penstock.v1');
    client.close();
  });

  test('of any plain client works, without a subprotocol', async () => {
    const client = await StreamClient.connect(server.streamUrl, {}, []);
    client.send(testEvent(1, 'plain'));
    await client.acked(1);
    expect(client.acks).toEqual([{ type: 'ack', seq: 1, accepted: 1, rejected: 0, errors: [] }]);
    client.close();
  });

  test('acknowledges 2,000 messages cumulatively, in order, each event counted once', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    for (const event of testEvents(2000, 'stream')) await client.sendWithinCredit(event);
    await client.acked(2000);
    const sequence = client.acks.map((ack) => ack.seq);
    expect(sequence).toEqual([...sequence].sort((a, b) => a - b));
    expect([client.ackedSeq, client.accepted, client.rejected]).toEqual([2000, 2000, 0]);
    client.close();
  });

  test('a message may be an array, an envelope or NDJSON', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send(testEvents(5, 'array'));
    client.send({ events: testEvents(5, 'envelope') });
    const lines = testEvents(5, 'lines');
    client.send(lines.map((event) => JSON.stringify(event)).join('\n'));
    await client.acked(3);
    expect(client.accepted).toBe(15);
    client.close();
  });

  test('errors name the message and the event in it', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send(testEvent(1, 'named'));
    client.send([testEvent(2, 'named'), { event_type: 't' }]);
    client.send('{"event_type":');
    await client.acked(3);
    expect(client.accepted).toBe(2);
    expect(client.rejected).toBe(2);
    expect(client.acks.flatMap((ack) => ack.errors)).toEqual([
      { seq: 2, index: 1, code: 'missing_field', field: 'app_id', message: 'app_id is required' },
      { seq: 3, index: 0, code: 'invalid_json', message: 'not valid JSON' },
    ]);
    client.close();
  });
});

describe('odd messages', () => {
  test('a binary message is read by its bytes: JSON is taken, noise is rejected', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send(Buffer.from(JSON.stringify(testEvent(1, 'binary'))), { binary: true });
    client.send(Buffer.from([0, 1, 2, 255, 254]), { binary: true });
    await client.acked(2);
    expect([client.accepted, client.rejected]).toEqual([1, 1]);
    client.close();
  });

  test('a fragmented message is one message', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    const text = JSON.stringify(testEvent(1, 'fragmented'));
    client.send(text.slice(0, 20), { fin: false });
    client.send(text.slice(20, 40), { fin: false });
    client.send(text.slice(40), { fin: true });
    client.send(testEvent(2, 'fragmented'));
    await client.acked(2);
    expect([client.ackedSeq, client.accepted]).toEqual([2, 2]);
    client.close();
  });

  test('an empty message is rejected and acknowledged', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send('');
    await client.acked(1);
    expect(client.acks[0]).toMatchObject({
      seq: 1,
      accepted: 0,
      rejected: 1,
      errors: [{ seq: 1, code: 'empty_body' }],
    });
    client.close();
  });

  test('an oversized message closes with 1009; what was sent before is acknowledged', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send(testEvent(1, 'before'));
    await client.acked(1);
    client.send('x'.repeat(200_001));
    expect(await client.closed).toMatchObject({ code: 1009 });
    expect(client.ackedSeq).toBe(1);
  });

  test('a message far beyond the limit ends the connection', async () => {
    const client = await StreamClient.connect(server.streamUrl);
    client.send('x'.repeat(1_000_000));
    expect([1006, 1009]).toContain((await client.closed).code);
  });
});

describe('clients that do not play by the rules', () => {
  test('one that ignores its credit is closed with 1013, and nothing it was told is taken back', async () => {
    // A credit of one message: two that are read together are one too many, however fast the acks are.
    const tight = await startServer({
      config: { limits: { message_bytes_max: 16_384, credit_bytes: 16_384 } },
    });
    const client = await StreamClient.connect(tight.streamUrl);
    const message = JSON.stringify(testEvents(40, 'greedy'));
    expect(message.length).toBeGreaterThan(8_192);
    expect(message.length).toBeLessThan(16_384);
    for (let n = 0; n < 60; n++) client.send(message);
    expect(await client.closed).toMatchObject({ code: 1013 });
    expect(client.accepted).toBe(client.ackedSeq * 40);
    expect(client.ackedSeq).toBeLessThan(60);
    await tight.stop();
  });

  test('one that leaves with messages in flight disturbs nobody', async () => {
    const other = await StreamClient.connect(server.streamUrl);
    for (let n = 0; n < 20; n++) {
      const client = await StreamClient.connect(server.streamUrl);
      for (const event of testEvents(50, `leaves-${n}`)) client.send(event);
      client.socket.terminate();
    }
    other.send(testEvent(1, 'stays'));
    await other.acked(1);
    expect(other.accepted).toBe(1);
    other.close();
  });
});

describe('keys', () => {
  let keyed: Running;
  beforeAll(async () => {
    keyed = await startServer({ config: { apps: [{ name: 'shop', keys: ['k1'] }] } as never });
  });
  afterAll(async () => {
    await keyed.stop();
  });

  test('an unknown key is closed with 1008, so that a browser can tell it from a network error', async () => {
    const client = await StreamClient.connect(`${keyed.streamUrl}?key=nope`);
    expect(await client.closed).toMatchObject({ code: 1008 });
    expect(client.welcome).toBeUndefined();
  });

  test('a key is taken from the query or a header', async () => {
    for (const client of [
      await StreamClient.connect(`${keyed.streamUrl}?key=k1`),
      await StreamClient.connect(keyed.streamUrl, { headers: { authorization: 'Bearer k1' } }),
    ]) {
      client.send({ event_type: 't', user_id: 'u' });
      await client.acked(1);
      expect(client.accepted).toBe(1);
      client.close();
    }
  });
});

test('many connections at once each get their own acks', async () => {
  const clients = await Promise.all(
    Array.from({ length: 200 }, () => StreamClient.connect(server.streamUrl)),
  );
  for (const [n, client] of clients.entries()) {
    for (const event of testEvents(1 + (n % 7), `many-${n}`)) client.send(event);
  }
  await Promise.all(clients.map((client, n) => client.acked(1 + (n % 7))));
  expect(clients.map((client) => client.accepted)).toEqual(clients.map((_, n) => 1 + (n % 7)));
  for (const client of clients) client.close();
  await Promise.all(clients.map((client) => client.closed));
  expect(clients.every((client) => client.socket.readyState === WebSocket.CLOSED)).toBe(true);
});

/** The canonical line: which bytes an accepted event becomes, and what its record says. */
import { describe, expect, it } from 'vitest';
import { RECORD_WORDS, RecordWord } from '../../src/scan/contract.ts';
import { viewOf } from '../../src/scan/reference/bytes.ts';
import { MURMUR2_SEED_KAFKA, MURMUR2_SEED_SECOND, murmur2 } from '../../src/scan/reference/murmur2.ts';
import {
  APPS,
  BASE_TIME_MS,
  clientPart,
  createBench,
  eventWith,
  lineOf,
  NESTED,
  RECEIVED_TEXT,
  SINGLE,
  scanOne,
} from './harness.ts';

const TAIL = `,"received_at":"${RECEIVED_TEXT}","dialect":"penstock","transport":"http"}\n`;
const clean = (fields: string, route = SINGLE) => clientPart(lineOf(eventWith(fields), { route }));
/** What `eventWith` itself puts before and behind the fields that come after device_id. */
const HEAD = '{"event_id":"e","event_type":"t","app_id":"a","device_id":"d"';
const TIME = `,"timestamp":"${RECEIVED_TEXT}"`;

function hashOf(text: string, seed = MURMUR2_SEED_KAFKA): number {
  const bytes = Buffer.from(text);
  return murmur2(bytes, viewOf(bytes), 0, bytes.length, seed) >>> 0;
}

describe('the canonical line', () => {
  it('carries every column in canonical order, whatever the order sent, without white space', () => {
    const sent = `{ "context" : { "k" : [ 1 , 2 ] } ,"event_data":{"b" :"x  y"}, "attribution":{"c":1.0e2},
      "app_version":"1", "os_version":"2", "platform":"ios", "timestamp":"2025-06-01T01:02:03Z",
      "session_id":"s", "user_id":"u", "device_id":"d", "app_id":"a", "event_type":"t", "event_id":"e"}`;
    expect(lineOf(sent)).toBe(
      `${HEAD},"user_id":"u","session_id":"s","timestamp":"2025-06-01T01:02:03.000Z","platform":"ios",` +
        `"os_version":"2","app_version":"1","attribution":{"c":1.0e2},"event_data":{"b":"x  y"},` +
        `"context":{"k":[1,2]}${TAIL}`,
    );
  });
  it('leaves absent columns out: missing, null, an empty string, an empty object', () => {
    expect(lineOf(eventWith(''))).toBe(`${HEAD}${TIME}${TAIL}`);
    expect(
      lineOf(eventWith('"user_id":null,"session_id":"","platform":"","attribution":{},"context":{ \n }')),
    ).toBe(`${HEAD}${TIME}${TAIL}`);
  });
  it('keeps numbers and escapes as they were sent', () => {
    const data =
      '{"i":9007199254740993,"n":-9223372036854775808,"u":18446744073709551615,"f":1.10,"e":-0E+0,"s":"\\u00e9\\/\\n\u00e9"}';
    expect(clean(`"event_data":${data}`)).toBe(`${HEAD}${TIME},"event_data":${data}`);
  });
  it('spells a time in one way, also one sent in 24 characters that only look like it', () => {
    for (const sent of [
      'T01:02:03.450Z',
      't01:02:03.450Z',
      ' 01:02:03.450Z',
      'T01:02:03,450Z',
      'T01:02:03.450z',
      'T01:02:03.4500',
    ]) {
      expect(clean(`"timestamp":"2025-06-01${sent}","platform":"ios"`)).toBe(
        `${HEAD},"timestamp":"2025-06-01T01:02:03.450Z","platform":"ios"`,
      );
    }
    expect(clean('"timestamp":"2025-06-01T01:02:03+01:00"')).toBe(
      `${HEAD},"timestamp":"2025-06-01T00:02:03.000Z"`,
    );
    expect(clean('"timestamp":"2025-06-01T01:02:03.4\\u005a"')).toBe(
      `${HEAD},"timestamp":"2025-06-01T01:02:03.400Z"`,
    );
  });
  it('makes a UUIDv7 of the received time when the client sent no id, or null', () => {
    for (const id of ['', '"event_id":null,']) {
      const line = lineOf(`{${id}"event_type":"t","app_id":"a","device_id":"d"}`);
      const made = JSON.parse(line).event_id as string;
      expect(made).toMatch(/^[0-9a-f-]{14}7[0-9a-f]{3}-[89ab]/);
      expect(Number.parseInt(made.slice(0, 8) + made.slice(9, 13), 16)).toBe(BASE_TIME_MS);
    }
  });
  it('adds the transport, and the received time of the frame', () => {
    const line = lineOf(eventWith(''), { transport: 1, receivedDeltaMs: 61_750 });
    expect(JSON.parse(line)).toMatchObject({
      transport: 'ws',
      received_at: '2025-06-09T12:31:17.000Z',
      timestamp: '2025-06-09T12:31:17.000Z',
    });
  });
});

describe('the rest column', () => {
  it('takes unknown fields behind the own ones of the object, in the order sent, nulls as well', () => {
    expect(clean('"z":1,"context":{"own":1},"a":null,"m":{"x":"y"}')).toBe(
      `${HEAD}${TIME},"context":{"own":1,"z":1,"a":null,"m":{"x":"y"}}`,
    );
    expect(clean('"z":1')).toBe(`${HEAD}${TIME},"context":{"z":1}`);
    expect(clean('"z":1,"context":{ }')).toBe(`${HEAD}${TIME},"context":{"z":1}`);
  });
  it('renames a field whose key is taken, by underscores until it is free', () => {
    expect(clean('"k":1,"_k":2,"context":{"k":0,"__k":0}')).toBe(
      `${HEAD}${TIME},"context":{"k":0,"__k":0,"_k":1,"___k":2}`,
    );
    expect(clean('"\\u006b":1,"context":{"k":0}')).toContain('"context":{"k":0,"_\\u006b":1}');
    expect(clean('"k":1,"context":{"\\u006b":0}')).toContain('"context":{"\\u006b":0,"_k":1}');
    expect(clean('"":1,"context":{"":0}')).toContain('"context":{"":0,"_":1}');
  });
  it('renames alike with many keys, and with few', () => {
    // The same collisions among 100 other keys take the other path through the code.
    const fill = Array.from({ length: 100 }, (_none, index) => `"f${index}":0`).join();
    const few = clean('"k":1,"_k":2,"___k":3,"\\u006b_":4,"context":{"k":0,"__k":0,"k_":0}');
    const many = clean(`"k":1,"_k":2,"___k":3,"\\u006b_":4,"context":{${fill},"k":0,"__k":0,"k_":0}`);
    expect(many.replace(`${fill},`, '')).toBe(few);
    expect(few).toContain('"_k":1,"___k":2,"____k":3,"_\\u006b_":4}');
  });
  it('takes envelope fields last, and renames them too', () => {
    const body = `{"a":1,"k":2,"events":[${eventWith('"k":0,"a":5,"context":{"k":9}')}]}`;
    expect(scanOne(body).lines[0]).toContain('"context":{"k":9,"_k":0,"a":5,"_a":1,"__k":2}');
  });
  it('takes sources at the root that lost, so that nothing sent is dropped', () => {
    const line = lineOf('{"event":"t","type":"track","anonymousId":"d"}', { route: NESTED });
    expect(JSON.parse(line)).toMatchObject({ event_type: 't', context: { type: 'track' } });
  });
  it('never drops a key named like something of JavaScript', () => {
    expect(clean('"__proto__":1,"constructor":{"prototype":2},"toString":null')).toBe(
      `${HEAD}${TIME},"context":{"__proto__":1,"constructor":{"prototype":2},"toString":null}`,
    );
  });
});

describe('sources', () => {
  it('takes the first source that is present and not null', () => {
    const first = lineOf('{"event":null,"type":"b","userId":"u"}', { route: NESTED });
    expect(JSON.parse(first).event_type).toBe('b');
  });
  it('fills columns from inside objects, which stay whole in their own column', () => {
    const context = '{"campaign":{ "name":"c" },"device":{"id":"d1"},"app":{"name":"n"}}';
    const line = lineOf(`{"event":"e","context":${context}}`, { route: NESTED });
    expect(JSON.parse(line)).toMatchObject({
      device_id: 'd1',
      app_id: 'n',
      attribution: { name: 'c' },
      context: JSON.parse(context),
    });
  });
});

describe('apps', () => {
  it('takes the client’s app in open mode', () => {
    expect(JSON.parse(lineOf(eventWith(''), { app: 0 })).app_id).toBe('a');
  });
  it('takes the app of the write key, and keeps another one that the event names', () => {
    expect(lineOf(eventWith('"context":{"x":1}'), { app: 1 })).toContain('"app_id":"shop",');
    expect(JSON.parse(lineOf(eventWith('"context":{"x":1}'), { app: 1 })).context).toEqual({
      x: 1,
      app_id: 'a',
    });
    expect(JSON.parse(lineOf(eventWith('').replace('"a"', '{"o":1}'), { app: 2 }))).toMatchObject({
      app_id: APPS[2],
      context: { app_id: { o: 1 } },
    });
  });
  it('does not repeat the name of its own app, escaped or not', () => {
    for (const own of ['"shop"', '"sh\\u006fp"', 'null']) {
      const line = lineOf(eventWith('').replace('"a"', own), { app: 1 });
      expect(JSON.parse(line)).toMatchObject({ app_id: 'shop' });
      expect(JSON.parse(line).context).toBeUndefined();
    }
  });
});

describe('ip and user agent', () => {
  const ipOf = (address: number[]) => JSON.parse(lineOf(eventWith(''), { address })).ip;
  const v6 = (...groups: number[]) => groups.flatMap((group) => [group >> 8, group & 255]);
  it('writes IPv4 as a dotted quad, also within IPv6', () => {
    expect(ipOf([203, 0, 113, 7])).toBe('203.0.113.7');
    expect(ipOf([0, 10, 255, 100])).toBe('0.10.255.100');
    expect(ipOf(v6(0, 0, 0, 0, 0, 0xffff, 0xc000, 0x0201))).toBe('192.0.2.1');
    expect(ipOf([])).toBeUndefined();
  });
  it('writes IPv6 as RFC 5952 says', () => {
    expect(ipOf(v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1))).toBe('2001:db8::1');
    expect(ipOf(v6(0, 0, 0, 0, 0, 0, 0, 0))).toBe('::');
    expect(ipOf(v6(0, 0, 0, 0, 0, 0, 0, 1))).toBe('::1');
    expect(ipOf(v6(1, 0, 0, 0, 0, 0, 0, 0))).toBe('1::');
    expect(ipOf(v6(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1))).toBe('2001:db8:0:1:1:1:1:1');
    expect(ipOf(v6(0x2001, 0, 0, 1, 0, 0, 0, 1))).toBe('2001:0:0:1::1');
    expect(ipOf(v6(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1))).toBe('2001:db8::1:0:0:1');
    expect(ipOf(v6(0xfe80, 0xabc, 0x10, 2, 3, 4, 5, 0x6789))).toBe('fe80:abc:10:2:3:4:5:6789');
  });
  it('escapes the user agent and replaces what is not UTF-8', () => {
    const agentOf = (userAgent: Buffer | string) =>
      JSON.parse(lineOf(eventWith(''), { userAgent })).user_agent;
    expect(agentOf('Mozilla/5.0 (X11)')).toBe('Mozilla/5.0 (X11)');
    expect(agentOf('a"b\\c\t\u0001é')).toBe('a"b\\c\t\u0001é');
    expect(agentOf(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]))).toBe(
      'a\ufffd\ufffd(\ufffd\ufffd\ufffd',
    );
    expect(agentOf('')).toBeUndefined();
    expect(agentOf('\u0001'.repeat(3000))).toBe('\u0001'.repeat(3000));
  });
});

describe('records', () => {
  it('hashes device_id, or user_id where there is none, and event_id, all unescaped', () => {
    const bench = createBench();
    const events = [
      '{"event_id":"i1","event_type":"t","app_id":"a","device_id":"dev","user_id":"usr"}',
      '{"event_id":"\\u0069\\u0032","event_type":"t","app_id":"a","device_id":"","user_id":"\\u00fcsr"}',
      '{"event_type":"t","app_id":"a","user_id":"u","timestamp":1748739723.5}',
    ];
    const { output, lines } = bench.scan([{ body: `[${events}]` }]);
    const word = (row: number, of: number) => output.records[row * RECORD_WORDS + of]!;
    const times = new Float64Array(output.records.buffer);
    expect([0, 1, 2].map((row) => word(row, RecordWord.keyHash))).toEqual([
      hashOf('dev'),
      hashOf('üsr'),
      hashOf('u'),
    ]);
    const eventIds = ['i1', 'i2', JSON.parse(lines[2]!).event_id as string];
    for (const [row, id] of eventIds.entries()) {
      expect(word(row, RecordWord.idHashLow)).toBe(hashOf(id));
      expect(word(row, RecordWord.idHashHigh)).toBe(hashOf(id, MURMUR2_SEED_SECOND));
    }
    expect(times[2]).toBe(BASE_TIME_MS);
    expect(times[2 * (RECORD_WORDS / 2) + 2]).toBe(1748739723500);
  });
});

/** What the generator sends: payloads, frames, and the ids that it writes into them. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { createBodies } from '../../bench/payloads.ts';
import { encodeRequestFile, IdStamper, readRequestFile } from '../../bench/request-file.ts';
import { encodeFrames, readServerFrame } from '../../bench/websocket-frames.ts';

const SEED = 7;

describe('payloads', () => {
  const sizes = { small: 150, medium: 434, large: 3000 } as const;
  for (const size of ['small', 'medium', 'large'] as const) {
    test(`${size} events are about ${sizes[size]} bytes, of many types and keys`, () => {
      const bodies = createBodies({ seed: SEED, size, eventsPerBody: 100, count: 20 });
      const bytes = bodies.reduce((sum, body) => sum + body.length, 0) / 2000;
      expect(bytes / sizes[size]).toBeGreaterThan(0.9);
      expect(bytes / sizes[size]).toBeLessThan(1.1);
      const events = bodies.flatMap((body) => JSON.parse(body.toString()) as Record<string, object>[]);
      expect(new Set(events.map((event) => event['event_type'])).size).toBeGreaterThan(40);
      const keys = new Set(events.flatMap((event) => Object.keys(event['event_data'] ?? {})));
      expect(keys.size).toBeGreaterThan(30);
    });
  }

  test('the same seed gives the same bytes', () => {
    const make = () => createBodies({ seed: SEED, size: 'medium', eventsPerBody: 10, count: 3 });
    expect(make()).toEqual(make());
  });

  test('compressed bodies have no ids, which could not be changed in them', () => {
    const [body] = createBodies({ seed: SEED, size: 'medium', eventsPerBody: 10, count: 1, isGzip: true });
    const text = gunzipSync(body ?? Buffer.alloc(0)).toString();
    expect(JSON.parse(text)).toHaveLength(10);
    expect(text).not.toContain('"event_id"');
  });
});

test('requests come back from their file, and each id is given once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-requests-'));
  try {
    const path = join(folder, 'requests.bin');
    const bodies = createBodies({ seed: SEED, size: 'small', eventsPerBody: 5, count: 3 });
    writeFileSync(path, encodeRequestFile(bodies.map((bytes) => ({ bytes, events: 5, messages: 1 }))));
    const requests = readRequestFile(path);
    expect(requests.map(({ bytes }) => bytes)).toEqual(bodies);
    expect(requests.map(({ events }) => events)).toEqual([5, 5, 5]);
    const ids = new IdStamper(0xabcdef01);
    const seen = new Set<string>();
    for (let turn = 0; turn < 40; turn++) {
      for (const request of requests) {
        ids.stamp(request);
        for (const { event_id } of JSON.parse(request.bytes.toString()) as { event_id: string }[]) {
          expect(event_id).toMatch(/^abcdef01-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9]{12}$/);
          seen.add(event_id);
        }
      }
    }
    expect(seen.size).toBe(40 * 3 * 5);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe('frames', () => {
  for (const length of [0, 125, 126, 65_535, 65_536]) {
    test(`a message of ${length} bytes has the head that RFC 6455 says`, () => {
      const message = Buffer.alloc(length, 'x');
      const frame = encodeFrames([message]);
      const [first, second] = frame;
      expect(first).toBe(0x81);
      const [lengthBytes, short] = length < 126 ? [0, length] : length < 65_536 ? [2, 126] : [8, 127];
      expect(second).toBe(0x80 | short);
      if (lengthBytes > 0) expect(frame.readUIntBE(2 + lengthBytes - 2, 2)).toBe(length % 65_536);
      expect(frame.subarray(2 + lengthBytes, 6 + lengthBytes)).toEqual(Buffer.alloc(4));
      expect(frame.subarray(6 + lengthBytes)).toEqual(message);
    });
  }

  test("a server's frame is read when all of it is there", () => {
    const whole = Buffer.concat([Buffer.from([0x81, 126, 0, 200]), Buffer.alloc(200, 'y')]);
    for (const end of [0, 1, 3, 4, 203]) expect(readServerFrame(whole.subarray(0, end))).toBeUndefined();
    expect(readServerFrame(Buffer.concat([whole, Buffer.from([0x81])]))).toMatchObject({
      bytes: 204,
      text: 'y'.repeat(200),
    });
    expect(readServerFrame(Buffer.from([0x88, 2, 3, 0xe8]))).toMatchObject({ bytes: 4, text: undefined });
  });
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Transport } from '../../src/event.ts';
import { SLAB_BYTES } from '../../src/limits.ts';
import { loadNativeAddon } from '../../src/native-addon.ts';
import { MemoryBudget } from '../../src/slab/budget.ts';
import { type CopyAddon, copierInto } from '../../src/slab/copy.ts';
import {
  ENCODING_BITS,
  Encoding,
  FRAMES_PER_SLAB_MAX,
  FrameWord,
  frameRow,
  HeaderWord,
  SLAB_BYTES_START,
} from '../../src/slab/layout.ts';
import { Origin } from '../../src/slab/origin.ts';
import { SlabPool } from '../../src/slab/pool.ts';
import type { FrameOwner, Slab } from '../../src/slab/slab.ts';

const owner: FrameOwner = { framesDone: () => {}, framesLost: () => {} };

function origin(userAgent = 'agent/1', address = [127, 0, 0, 1]): Origin {
  return new Origin(Uint8Array.from(address), userAgent);
}

function readFrame(slab: Slab, frame: number) {
  const row = frameRow(frame);
  const word = (name: keyof typeof FrameWord) => slab.words[row + FrameWord[name]]!;
  const bytes = (offset: number, length: number) => slab.bytes.subarray(offset, offset + length);
  return {
    body: bytes(word('bodyOffset'), word('bodyLength')).toString('latin1'),
    userAgent: bytes(word('userAgentOffset'), word('userAgentLength')).toString('utf8'),
    address: [...bytes(word('addressOffset'), word('addressLength'))],
    route: word('route'),
    app: word('app'),
    encoding: word('encoding'),
    transport: word('transport'),
    receivedDeltaMs: word('receivedDeltaMs'),
  };
}

describe('a slab', () => {
  test('gives back every frame that was appended, whoever sent it (model, seeded)', () => {
    const frames = fc.array(
      fc.record({
        body: fc.string({ maxLength: 3000, unit: 'binary-ascii' }),
        sender: fc.nat(3),
        route: fc.nat(5),
        app: fc.nat(3),
      }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(frames, (list) => {
        const pool = new SlabPool(new MemoryBudget(64 * SLAB_BYTES));
        const slab = pool.take(0, 1000)!;
        const senders = [origin(''), origin('größe 🎉'), origin('b', Array(16).fill(7)), origin('c', [])];
        const appended = [];
        for (const [n, { body, sender, route, app }] of list.entries()) {
          if (!slab.fits(body.length, senders[sender]!)) break;
          const bytes = Buffer.from(body, 'latin1');
          slab.append(bytes, route, app, Encoding.gzip, Transport.ws, 1000 + n, senders[sender]!, owner);
          appended.push({
            body,
            userAgent: senders[sender]!.userAgent,
            address: [...senders[sender]!.address],
            route,
            app,
            encoding: Encoding.gzip,
            transport: Transport.ws,
            receivedDeltaMs: n,
          });
        }
        expect(slab.frameCount).toBe(appended.length);
        expect(appended.map((_, frame) => readFrame(slab, frame))).toEqual(appended);
      }),
      { numRuns: 60 },
    );
  });

  test('writes a sender once, and again after it was used anew', () => {
    const pool = new SlabPool(new MemoryBudget(2 * SLAB_BYTES));
    const sender = origin('only-once');
    const first = pool.take(0, 0)!;
    for (let n = 0; n < 3; n++) first.append(Buffer.from('x'), 0, 0, 0, 0, 0, sender, owner);
    expect(first.words[HeaderWord.bytesUsed]).toBe(SLAB_BYTES_START + 4 + 'only-once'.length + 3);
    pool.give(first);
    const again = pool.take(0, 0)!;
    expect(again).toBe(first);
    again.append(Buffer.from('padding'), 0, 0, 0, 0, 0, origin('someone else'), owner);
    again.append(Buffer.from('y'), 0, 0, 0, 0, 0, sender, owner);
    expect(readFrame(again, 1)).toMatchObject({ body: 'y', userAgent: 'only-once' });
  });

  test('says which of its frames are messages of sessions, each session once, and forgets it with its next use', () => {
    const pool = new SlabPool(new MemoryBudget(2 * SLAB_BYTES));
    const slab = pool.take(0, 0)!;
    const append = () => slab.append(Buffer.from('x'), 0, 0, 0, 0, 0, origin(), owner);
    const [a, b] = ['a', 'b'].map((key) => ({ key, instance: 7, low: 4, generation: 0, place: 0 }));
    append();
    expect(slab.sessionFrames).toBeUndefined();
    for (const [session, seq] of [
      [b!, 5],
      [a!, 9],
      [b!, 6],
    ] as const) {
      append();
      slab.tag(session, seq);
    }
    expect(slab.sessionFrames).toEqual({
      sessions: [
        { key: 'b', instance: 7, low: 4 },
        { key: 'a', instance: 7, low: 4 },
      ],
      rows: Float64Array.of(1, 0, 5, 2, 1, 9, 3, 0, 6),
    });
    pool.give(slab);
    expect(pool.take(0, 0)).toBe(slab);
    expect(slab.sessionFrames).toBeUndefined();
    append();
    slab.tag(a!, 10);
    expect(slab.sessionFrames?.rows).toEqual(Float64Array.of(0, 0, 10));
  });

  test('is full at its last row and at its last byte', () => {
    const pool = new SlabPool(new MemoryBudget(4 * SLAB_BYTES));
    const nobody = origin('', []);
    const rows = pool.take(0, 0)!;
    for (let n = 0; n < FRAMES_PER_SLAB_MAX; n++) {
      expect(rows.fits(1, nobody)).toBe(true);
      rows.append(Buffer.from('x'), 0, 0, 0, 0, 0, nobody, owner);
    }
    expect(rows.fits(0, nobody)).toBe(false);
    const bytes = pool.take(0, 0)!;
    expect(bytes.fits(SLAB_BYTES - SLAB_BYTES_START, nobody)).toBe(true);
    expect(bytes.fits(SLAB_BYTES - SLAB_BYTES_START + 1, nobody)).toBe(false);
  });
});

describe('the encoding of a body', () => {
  const gzip = Buffer.from('1f8b08', 'hex');
  const head = Buffer.from('head');

  test.each([
    ['as declared', Encoding.br, gzip, 0, Encoding.br],
    ['gzip by its first bytes where none was declared', Encoding.identity, gzip, 0, Encoding.gzip],
    ['none where it begins otherwise', Encoding.identity, Buffer.from('{}'), 0, Encoding.identity],
    ['none of a single byte', Encoding.identity, gzip.subarray(0, 1), 0, Encoding.identity],
    ['that behind the head it carries', Encoding.identity, Buffer.concat([head, gzip]), 4, Encoding.gzip],
    ['none of a head that looks so', Encoding.identity, Buffer.concat([gzip, head]), 3, Encoding.identity],
    ['none of a head alone', Encoding.identity, gzip, 3, Encoding.identity],
  ])('is %s', (_what, declared, body, headBytes, encoding) => {
    const slab = new SlabPool(new MemoryBudget(SLAB_BYTES)).take(0, 0)!;
    const headBits = headBytes << ENCODING_BITS;
    slab.append(body, 0, 0, declared | headBits, 0, 0, origin('', []), owner);
    expect(slab.words[frameRow(0) + FrameWord.encoding]).toBe(encoding | headBits);
  });
});

describe('a body is copied', () => {
  const native = loadNativeAddon<CopyAddon>() ?? null;
  test.each([
    ['by the addon', native],
    ['without it', null],
  ])('%s, whatever holds it, to where it belongs and no further', (_way, by) => {
    const target = Buffer.from(new SharedArrayBuffer(2048));
    const copy = copierInto(target, by);
    for (const length of [0, 1, 255, 256, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, at) => at % 251);
      for (const body of [bytes, bytes.buffer, Buffer.concat([Buffer.from('xx'), bytes]).subarray(2)]) {
        target.fill(0xff);
        expect(copy(body, 3)).toBe(length < 2 ? 0 : 256);
        expect(target.subarray(3, 3 + length).equals(bytes)).toBe(true);
        expect([target[2], target[3 + length]]).toEqual([0xff, 0xff]);
      }
    }
  });

  test.skipIf(native === null)('never beyond its slab', () => {
    const copy = copierInto(Buffer.from(new SharedArrayBuffer(16)), native);
    expect(() => copy(new Uint8Array(8), 9)).toThrow('a body fits its slab');
    expect(() => copy(new Uint8Array(0), 17)).toThrow('a body fits its slab');
  });
});

describe('the slab pool', () => {
  test('gives no slab beyond the budget, and again one when one came back', () => {
    let heldBySinks = 0;
    const budget = new MemoryBudget(2 * SLAB_BYTES + 1, () => heldBySinks);
    const pool = new SlabPool(budget);
    const first = pool.take(0, 0)!;
    expect(pool.take(0, 0)).toBeDefined();
    expect(pool.take(0, 0)).toBeUndefined();
    pool.give(first);
    heldBySinks = SLAB_BYTES + 1;
    expect(pool.take(0, 0) === undefined).toBe(true);
    heldBySinks = 0;
    expect(pool.take(0, 0)).toBe(first);
  });

  test('free slabs are no use of the budget, and make room for a large body', () => {
    const budget = new MemoryBudget(4 * SLAB_BYTES);
    const pool = new SlabPool(budget);
    const taken = [1, 2, 3, 4].map(() => pool.take(0, 0)!);
    expect(pool.isFull()).toBe(true);
    for (const slab of taken) pool.give(slab);
    expect([pool.isFull(), pool.heldBytes(), budget.used()]).toEqual([false, 0, 4 * SLAB_BYTES]);
    expect(pool.take(2 * SLAB_BYTES, 0)).toBeDefined();
    expect(budget.used()).toBeLessThanOrEqual(4 * SLAB_BYTES);
  });

  test('free slabs make room for whatever else needs memory, but for what is reserved', () => {
    const budget = new MemoryBudget(4 * SLAB_BYTES);
    const pool = new SlabPool(budget);
    const uploads = budget.part(4 * SLAB_BYTES, () => SLAB_BYTES);
    for (const slab of [1, 2, 3, 4].map(() => pool.take(0, 0)!)) pool.give(slab);
    expect(budget.used()).toBe(4 * SLAB_BYTES);
    expect(uploads.tryTake(3 * SLAB_BYTES + 1)).toBe(false);
    expect(uploads.tryTake(3 * SLAB_BYTES)).toBe(true);
    expect(budget.used()).toBe(3 * SLAB_BYTES);
  });

  test('what is reserved is for promised frames only', () => {
    const pool = new SlabPool(
      new MemoryBudget(3 * SLAB_BYTES),
      () => false,
      () => SLAB_BYTES,
    );
    expect([pool.take(0, 0), pool.take(0, 0), pool.take(0, 0)].map((slab) => slab !== undefined)).toEqual([
      true,
      true,
      false,
    ]);
    expect(pool.isFull()).toBe(true);
    expect(pool.take(0, 0, true)).toBeDefined();
    expect(pool.take(0, 0, true)).toBeUndefined();
  });

  test('makes a slab for a large body and gives its memory back after', () => {
    const budget = new MemoryBudget(8 * SLAB_BYTES);
    const pool = new SlabPool(budget);
    const large = pool.take(3 * SLAB_BYTES, 0)!;
    expect(large.fits(3 * SLAB_BYTES, origin('', []))).toBe(true);
    expect(budget.used()).toBeGreaterThan(3 * SLAB_BYTES);
    pool.give(large);
    expect(budget.used()).toBe(0);
  });
});

describe('the memory budget', () => {
  test('counts what is held elsewhere', () => {
    let elsewhere = 60;
    const budget = new MemoryBudget(100, () => elsewhere);
    expect(budget.tryTake(41)).toBe(false);
    expect(budget.tryTake(40)).toBe(true);
    elsewhere = 0;
    expect(budget.used()).toBe(40);
    budget.give(40);
    expect(budget.used()).toBe(0);
  });

  test('a part is bounded by itself and by the whole', () => {
    const whole = new MemoryBudget(100);
    const part = whole.part(50);
    expect(part.tryTake(51)).toBe(false);
    expect(part.tryTake(50)).toBe(true);
    expect(whole.used()).toBe(50);
    expect(whole.tryTake(50)).toBe(true);
    part.give(50);
    expect(whole.tryTake(40)).toBe(true);
    expect(part.tryTake(11)).toBe(false);
    expect([part.used(), whole.used()]).toEqual([0, 90]);
  });
});

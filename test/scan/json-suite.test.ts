/**
 * The JSON suite (json-suite/suite.ts) through both scanners, which the harness holds to the same bytes: every value as
 * a member of an event and as a whole body, every body as it stands, and a rich document cut at each of its bytes.
 * JSON.parse is the witness, and the npm binding of simdjson a second one where it is built (simdjson-witness.ts).
 */
import { describe, expect, it } from 'vitest';
import { BATCH, eventWith, lineOf, reasonOf, SINGLE, scanOne } from './harness.ts';
import { loadWitness } from './json-suite/simdjson-witness.ts';
import { readSuite, SuiteClass, valueBody } from './json-suite/suite.ts';

const cases = readSuite();
const values = cases.filter((one) => !one.isBody);
const bodies = cases.filter((one) => one.isBody);
const witness = loadWitness();

/** What a reader of JSON that we did not write makes of bytes; undefined is a refusal. Invalid UTF-8 is one. */
function parse(bytes: Buffer): { value: unknown } | undefined {
  const text = bytes.toString('utf8');
  if (!Buffer.from(text).equals(bytes)) return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** The reason of the one event of a body, whether the event or the whole frame was refused for it. */
function plainReason(body: Buffer, route: number): string {
  return reasonOf(body, { route }).replace('frame: ', '');
}

const SHAPE_REASONS = ['missing_field', 'invalid_type', 'invalid_length', 'not_an_object'];

describe('values of the suite', () => {
  it.each(values)('$name', ({ class: letter, bytes, reason, why }) => {
    const body = valueBody(bytes);
    expect(plainReason(body, SINGLE)).toBe(reason);
    if (letter === SuiteClass.accept) expect(parse(bytes)).toBeDefined();
    if (letter === SuiteClass.refuse) expect(parse(body)).toBeUndefined();
    if (letter === SuiteClass.either) expect(why).toMatch(/\w/);
    if (reason === 'accepted' && letter === SuiteClass.accept) {
      const line = JSON.parse(lineOf(body, { route: SINGLE })) as { event_data: unknown };
      expect(line.event_data).toEqual({ v: parse(bytes)?.value });
    }
  });

  it.each(values)('$name stands alone among its neighbours of an NDJSON body', ({ bytes, reason }) => {
    // A newline in the value makes two lines of it.
    if (bytes.includes(0x0a)) return;
    const good = eventWith('');
    const result = scanOne(
      Buffer.concat([Buffer.from(`${good}\n`), valueBody(bytes), Buffer.from(`\n${good}`)]),
    );
    const isAccepted = reason === 'accepted';
    expect(result.accepted).toBe(isAccepted ? 3 : 2);
    const index = result.errors[0]?.index;
    expect([result.reason, result.rejected, index]).toEqual([
      undefined,
      isAccepted ? 0 : 1,
      isAccepted ? undefined : 1,
    ]);
  });

  it.each(values)('$name as a whole body', ({ bytes }) => {
    for (const route of [SINGLE, BATCH]) {
      const outcome = plainReason(bytes, route);
      const isSound = parse(bytes) !== undefined;
      // No value of the suite is an event. What is JSON is refused for its shape; or for one of our own rules.
      expect(scanOne(bytes, { route }).accepted).toBe(0);
      const isShape = SHAPE_REASONS.some((reason) => outcome.startsWith(reason));
      if (bytes[0] === 0x7b)
        expect(isShape).toBe(isSound && !/duplicate_key|out_of_range|too_deep/.test(outcome));
    }
  });
});

describe('bodies of the suite', () => {
  it.each(bodies)('$name', ({ bytes, reason }) => {
    expect(reasonOf(bytes, { route: BATCH })).toBe(reason);
    // Other first bytes than these are refused even where they begin a JSON value.
    const isValue = bytes[0] === 0x7b || bytes[0] === 0x5b;
    if (isValue && /^frame: (invalid_json|trailing_bytes|invalid_utf8)/.test(reason)) {
      expect(parse(bytes)).toBeUndefined();
    }
  });
});

const RICH_EVENT =
  '{"event_id":"\\u0065-1","event_type":"caf\u00e9 \\"x\\"","app_id":"a","device_id":"d\ud83d\ude00",' +
  '"timestamp":"2025-06-09T12:00:00.000Z","event_data":{"n":[-0.5e+10,0,1E3,[],{}],"t":true,"f":false,"z":null},' +
  '"context":{"e":"\\\\\\/\\b\\f\\n\\r\\t\\ud83d\\ude00","deep":[[{"k":{"k":""}}]]},"other" : [ 1 , 2 ] }';

describe('a rich document cut at each of its bytes', () => {
  const whole = Buffer.from(RICH_EVENT);

  it('is accepted when it is whole', () => {
    expect(reasonOf(whole)).toBe('accepted');
  });

  it.each([
    ['an event', '', ''],
    ['an array', '[', ']'],
    ['an envelope', '{"events":[', ']}'],
  ])('%s is refused whole wherever it ends', (_name, before, after) => {
    const body = Buffer.from(before + RICH_EVENT + after);
    for (let end = 0; end < body.length; end++) {
      const expected = end === 0 ? 'frame: empty_body' : 'frame: invalid_json';
      expect(reasonOf(body.subarray(0, end)), `cut at ${end}`).toBe(expected);
    }
  });

  it('a line is rejected alone wherever it ends', () => {
    for (let end = 1; end < whole.length; end++) {
      const cut = whole.subarray(0, end);
      const result = scanOne(Buffer.concat([whole, Buffer.from('\n'), cut, Buffer.from('\n'), whole]));
      expect([result.reason, result.accepted, result.rejected], `cut at ${end}`).toEqual([undefined, 2, 1]);
    }
  });

  it('loses no neighbour when one of its bytes is gone and its brackets still balance', () => {
    for (let at = 0; at < whole.length; at++) {
      const without = Buffer.concat([whole.subarray(0, at), whole.subarray(at + 1)]);
      const isSound = parse(without) !== undefined;
      const result = scanOne(Buffer.concat([whole, Buffer.from('\n'), without, Buffer.from('\n'), whole]));
      expect(result.accepted, `without byte ${at}`).toBeGreaterThanOrEqual(2);
      // Sound JSON may still lack what an event must have.
      if (!isSound) expect(result.rejected, `without byte ${at}`).toBe(1);
    }
  });
});

describe.skipIf(witness === undefined)('the npm binding of simdjson', () => {
  const isValid = (bytes: Buffer) => witness?.isValid(bytes.toString('utf8'));

  it('accepts every y_ value and refuses every n_ value that is UTF-8', () => {
    for (const { name, class: letter, bytes, reason } of values) {
      if (reason === 'invalid_utf8') continue;
      if (letter === SuiteClass.accept) expect(isValid(bytes), name).toBe(true);
      if (letter === SuiteClass.refuse) expect(isValid(valueBody(bytes)), name).toBe(false);
    }
  });
});

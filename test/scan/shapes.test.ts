/**
 * What a body may look like, and what is left of it when a part is at fault: an event falls alone as long as
 * the brackets say where it ends; else the whole body does, and leaves nothing but its dead letter.
 */
import { describe, expect, it } from 'vitest';
import { BATCH, createBench, eventWith, lineOf, NESTED, reasonOf, SINGLE, scanOne } from './harness.ts';

const event = (id: string) => `{"event_id":"${id}","event_type":"t","app_id":"a","device_id":"d"}`;
const ids = (lines: readonly string[]) => lines.map((line) => JSON.parse(line).event_id as string);

describe('shapes', () => {
  it('takes one object on both shapes of route', () => {
    expect(scanOne(event('1'), { route: SINGLE }).accepted).toBe(1);
    expect(scanOne(event('1'), { route: BATCH }).accepted).toBe(1);
  });
  it('takes an array, an envelope and NDJSON on a route of shape batch, in order', () => {
    const three = [event('1'), event('2'), event('3')];
    expect(ids(scanOne(`[${three.join(' , ')}]`).lines)).toEqual(['1', '2', '3']);
    expect(ids(scanOne(`{"events":[${three}]}`).lines)).toEqual(['1', '2', '3']);
    expect(ids(scanOne(three.join('\n')).lines)).toEqual(['1', '2', '3']);
  });
  it('refuses an array and NDJSON on a route of shape single', () => {
    expect(reasonOf(`[${event('1')}]`, { route: SINGLE })).toBe('frame: not_an_object');
    expect(reasonOf(`${event('1')}\n${event('2')}`, { route: SINGLE })).toBe('frame: trailing_bytes');
  });
  it('takes events as a field like any other on a route of shape single', () => {
    expect(JSON.parse(lineOf(eventWith('"events":[1]'), { route: SINGLE })).context).toEqual({ events: [1] });
  });
  it('skips a byte order mark and white space before the first byte', () => {
    expect(scanOne(Buffer.from(`\ufeff \r\n\t${event('1')}\n `)).accepted).toBe(1);
    expect(reasonOf(Buffer.from(`\ufeff`))).toBe('frame: empty_body');
    expect(reasonOf(Buffer.from(` \ufeff${event('1')}`))).toBe('frame: invalid_json');
  });
  it('says empty_body of nothing and of white space, and keeps no dead letter of it', () => {
    for (const body of ['', ' \r\n\t']) {
      expect(scanOne(body)).toMatchObject({ reason: 'empty_body', accepted: 0, rejected: 0, errors: [] });
    }
  });
  it('refuses what begins like no JSON container', () => {
    for (const body of ['"text"', '12', 'null', 'x', '\u0000', '}'])
      expect(reasonOf(body)).toBe('frame: invalid_json');
  });
  it('takes an empty array and an empty envelope as no events', () => {
    for (const body of ['[]', '[ \n]', '{"events":[]}']) {
      expect(scanOne(body)).toMatchObject({ reason: undefined, accepted: 0, rejected: 0, errors: [] });
    }
  });
});

describe('NDJSON', () => {
  it('takes CRLF, empty lines and a last line without a newline', () => {
    const result = scanOne(`\n${event('1')}\r\n\r\n \t\n${event('2')}\n\n${event('3')}`);
    expect(ids(result.lines)).toEqual(['1', '2', '3']);
  });
  it('lets every line stand alone, and counts lines without the empty ones', () => {
    const result = scanOne(
      `${event('1')}\n\n{"a":\n12\n${event('2')} x\n[${event('3')}]\n}{\n${event('4')}\n{"cut":"of`,
    );
    expect(ids(result.lines)).toEqual(['1', '4']);
    expect(result.errors.map((error) => [error.index, error.reason, error.raw])).toEqual([
      [1, 'invalid_json', '{"a":'],
      [2, 'not_an_object', '12'],
      [3, 'trailing_bytes', `${event('2')} x`],
      [4, 'not_an_object', `[${event('3')}]`],
      [5, 'not_an_object', '}{'],
      [7, 'invalid_json', '{"cut":"of'],
    ]);
    expect(result).toMatchObject({ accepted: 2, rejected: 6 });
  });
  it('takes an envelope key in a line as a plain field', () => {
    const result = scanOne(`${event('1')}\n${eventWith('"events":[{}]')}`);
    expect(JSON.parse(result.lines[1]!).context).toEqual({ events: [{}] });
  });
  it('names broken bytes first in a line, whatever the lines before it hold', () => {
    for (const before of ['a', '\u00c3\u00a9']) {
      const body = Buffer.from(`${event(before)}\n${event('2')}\u00ff`, 'latin1');
      expect(scanOne(body)).toMatchObject({ accepted: 1, errors: [{ index: 1, reason: 'invalid_utf8' }] });
    }
  });
  it('rejects a first line that is at fault but balanced without the lines behind it', () => {
    const result = scanOne(`{"a":tru}\n${event('2')}\n`);
    expect(ids(result.lines)).toEqual(['2']);
    expect(result.errors).toMatchObject([{ index: 0, reason: 'invalid_json', raw: '{"a":tru}' }]);
  });
});

describe('recovery', () => {
  it('rejects an event at fault beside its neighbours', () => {
    const broken = [
      '{"a":01}',
      '{"a" 1}',
      '{"a":"\t"}',
      '{"a":1]',
      '{"}":x}',
      '{"a":[1,]}',
      '{,}',
      '{"a":"\\x"}',
    ];
    for (const body of broken) {
      for (const wrap of [(text: string) => `[${text}]`, (text: string) => `{"events":[${text}]}`]) {
        const result = scanOne(wrap(`${event('1')},${body},${event('3')}`));
        expect(ids(result.lines), body).toEqual(['1', '3']);
        expect(result.errors).toMatchObject([
          { index: 1, reason: 'invalid_json', raw: body, field: undefined },
        ]);
      }
    }
  });
  it('says not_an_object of every other value in an array', () => {
    const result = scanOne(`[1,"},{", [${event('x')},tru] ,null,-,${event('6')}]`);
    expect(ids(result.lines)).toEqual(['6']);
    expect(result.errors.map((error) => error.reason)).toEqual(Array(5).fill('not_an_object'));
    expect(result.errors.map((error) => error.raw)).toEqual([
      '1',
      '"},{"',
      `[${event('x')},tru]`,
      'null',
      '-',
    ]);
  });
  it('does not carry a field from one error to the next', () => {
    const result = scanOne('[{"event_type":1},2]');
    expect(result.errors.map((error) => error.field)).toEqual(['event_type', undefined]);
  });
  it('refuses a body whole where the end of an event cannot be found, and leaves one dead letter', () => {
    const bodies = [
      '[',
      '[{',
      `[${event('1')}`,
      `[${event('1')},`,
      `[${event('1')},{"a":"]`,
      `{"events":[${event('1')}`,
    ];
    bodies.push(
      `[${event('1')} ${event('2')}]`,
      `[${event('1')},]`,
      `[,${event('1')}]`,
      `[${event('1')}}`,
      '[:]',
      '{"a":{}',
    );
    for (const body of bodies) {
      const result = scanOne(body);
      expect(result, body).toMatchObject({ reason: 'invalid_json', accepted: 0, rejected: 0, lines: [] });
      expect(result.errors, body).toMatchObject([{ index: 0, reason: 'invalid_json', raw: body }]);
    }
  });
  it('refuses a truncated body at every length', () => {
    const body = `{"events":[${event('1')},${event('2')}],"sent":[1,{"a":null}]}`;
    for (let length = 1; length < body.length; length++) {
      expect(scanOne(body.slice(0, length)), String(length)).toMatchObject({ accepted: 0, lines: [] });
    }
    expect(scanOne(body).accepted).toBe(2);
  });
  it('refuses bytes behind the end', () => {
    for (const body of [event('1'), `[${event('1')}]`, `{"events":[${event('1')}]}`]) {
      for (const more of [' x', '\0', ']', '{', ',', '[]']) {
        expect(reasonOf(body + more), body + more).toBe('frame: trailing_bytes');
      }
    }
    expect(reasonOf(`{"events":[${event('1')}]}\n${event('2')}`)).toBe('frame: trailing_bytes');
  });
});

describe('the batch limit', () => {
  const bench = createBench(3);
  const many = (count: number, of = event('1')) => Array(count).fill(of);
  it('counts accepted and rejected events alike, in every shape', () => {
    for (const build of [
      (events: string[]) => `[${events}]`,
      (events: string[]) => `{"events":[${events}]}`,
      (events: string[]) => events.join('\n'),
    ]) {
      for (const of of [event('1'), '{"a":tru}']) {
        expect(bench.scan([{ body: build(many(3, of)) }]).frames[0]!.reason).toBeUndefined();
        expect(bench.scan([{ body: build(many(4, of)) }]).frames[0]!.reason).toBe('batch_too_large');
      }
    }
    expect(bench.scan([{ body: '[1,2,3,4]' }]).frames[0]!.reason).toBe('batch_too_large');
  });
  it('takes everything back when it refuses: no line, no record, no error row, no id', () => {
    const noId = '{"event_type":"t","app_id":"a","device_id":"\\ud800"}';
    const before = bench.ids.counter;
    const result = bench.scan([
      { body: event('first') },
      { body: `[${[noId, '1', noId, noId]}]` },
      { body: event('last') },
    ]);
    expect(ids(result.lines)).toEqual(['first', 'last']);
    expect(result.errors).toEqual([]);
    expect(result.surrogatesReplaced).toBe(0);
    expect(bench.ids.counter).toBe(before);
    expect(result.frames.map((frame) => [frame.accepted, frame.rejected, frame.recordStart])).toEqual([
      [1, 0, 0],
      [0, 0, 1],
      [1, 0, 1],
    ]);
  });
});

describe('envelopes', () => {
  it('puts the other fields behind the own ones of each event, wherever they stand', () => {
    const result = scanOne(`{"a":1,"events":[${eventWith('"x":0')},${event('2')}],"b":{ "c" : [ 2 ] }}`);
    expect(result.lines.map((line) => JSON.parse(line).context)).toEqual([
      { x: 0, a: 1, b: { c: [2] } },
      { a: 1, b: { c: [2] } },
    ]);
    expect(result.lines[0]).toContain('"context":{"x":0,"a":1,"b":{"c":[2]}}');
  });
  it('takes the first array under any of the keys; a second one is a field', () => {
    const of = '{"event":"t","userId":"u"}';
    const result = scanOne(`{"events":[${of}],"batch":[7]}`, { route: NESTED });
    expect(JSON.parse(result.lines[0]!).context).toEqual({ batch: [7] });
  });
  it('is an event when the key holds no array', () => {
    expect(JSON.parse(lineOf(eventWith('"events":{"a":[1]}'))).context).toEqual({ events: { a: [1] } });
  });
  it('knows its key when it is escaped', () => {
    expect(scanOne(`{"ev\\u0065nts":[${event('1')}]}`).accepted).toBe(1);
  });
  it('ends its array where the brackets say, whatever the last one of the body closes', () => {
    const two = `${event('1')},${event('2')}`;
    const cases: [string, Record<string, unknown> | undefined][] = [
      [`{"events":[${two}]}`, undefined],
      [`{"events":[${two} ] }`, undefined],
      [`{"events":[${two}],"a":[{"b":1}]}`, { a: [{ b: 1 }] }],
      [`{"events":[${two}],"a":{"b":[{}]}}`, { a: { b: [{}] } }],
      [`{"events":[${two}],"a":"x}]"}`, { a: 'x}]' }],
      [`{"events":[${two}],"a":"\\"}]"}`, { a: '"}]' }],
      [`{"events":[${two}],"a":"${'x'.repeat(2000)}"}`, { a: 'x'.repeat(2000) }],
    ];
    for (const [body, context] of cases) {
      const { lines, errors, reason } = scanOne(body);
      expect({ reason, errors, ids: ids(lines) }, body).toEqual({
        reason: undefined,
        errors: [],
        ids: ['1', '2'],
      });
      expect(JSON.parse(lines[0]!).context, body).toEqual(context);
    }
  });
  it('keeps what stands behind an event at fault when the last bracket is not the end of its array', () => {
    for (const fault of ['{"a":}', '{"a":"}]"', '{"a":[}]', '[{}]', '"}]"']) {
      const body = `{"events":[${event('1')},${fault},${event('2')}],"a":[{"b":1}]}`;
      const { lines } = scanOne(body);
      // A string that is not closed takes the rest of the body with it.
      if (fault !== '{"a":"}]"') expect(ids(lines), body).toEqual(['1', '2']);
      else expect(reasonOf(body)).toBe('frame: invalid_json');
    }
  });
  it('refuses the frame when its array does not end', () => {
    for (const body of [
      `{"events":[${event('1')},{"a":[{}]}`,
      `{"events":[${event('1')},{"a":"}]"}`,
      `{"events":[${event('1')}}]}`,
      `{"events":[${event('1')},{"a":1},"a":[{}]}`,
    ]) {
      expect(reasonOf(body), body).toBe('frame: invalid_json');
    }
  });
  it('refuses the frame for a fault in its own fields', () => {
    const cases: [string, string][] = [
      [`{"events":[${event('1')}],"a":01}`, 'invalid_json'],
      [`{"events":[${event('1')}],"a":1e999}`, 'number_out_of_range'],
      [`{"events":[${event('1')}],"events":[]}`, 'duplicate_key'],
      [`{"events":[${event('1')}],"a":${'['.repeat(64)}${']'.repeat(64)}}`, 'too_deep'],
    ];
    for (const [body, reason] of cases) expect(reasonOf(body), body).toBe(`frame: ${reason}`);
    const latin = Buffer.from(`{"events":[${event('1')}],"a":"\u00e9"}`, 'latin1');
    expect(reasonOf(latin)).toBe('frame: invalid_utf8');
  });
  it('stands by its events when one of them is not UTF-8', () => {
    const body = Buffer.from(`{"a":1,"events":[${event('\u00e9')},${event('2')}]}`, 'latin1');
    expect(scanOne(body)).toMatchObject({ accepted: 1, errors: [{ index: 0, reason: 'invalid_utf8' }] });
  });
  it('bounds its fields by their length without white space', () => {
    const fill = (length: number, space: string) =>
      `{"events":[${event('1')}],${space}"a":${space}"${'x'.repeat(length)}"}`;
    // `"a":""` is 6 bytes of the 4,096.
    expect(reasonOf(fill(4090, ' '.repeat(9)))).toBe('accepted');
    expect(reasonOf(fill(4091, ''))).toBe('frame: envelope_too_large');
  });
});

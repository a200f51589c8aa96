import { describe, expect, test } from 'vitest';
import { printBanner, type StartFacts } from '../src/banner.ts';
import { createLogger } from '../src/log.ts';
import { VERSION } from '../src/version.ts';

function collect() {
  const texts: string[] = [];
  return { texts, write: (text: string) => void texts.push(text) };
}

function entries(texts: readonly string[]): Record<string, unknown>[] {
  return texts.map((text) => JSON.parse(text) as Record<string, unknown>);
}

describe('the log', () => {
  test('is one JSON object a line, with level, time, service, version and thread', () => {
    const target = collect();
    createLogger('info', 'worker 2', target).info({ requestId: 'r1' }, 'refused');
    expect(target.texts[0]).toMatch(/^\{.*\}\n$/);
    expect(entries(target.texts)).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'penstock',
        version: VERSION,
        thread: 'worker 2',
        requestId: 'r1',
        msg: 'refused',
      },
    ]);
  });

  test('keeps to its level', () => {
    const target = collect();
    const log = createLogger('warn', 'main', target);
    log.info('one');
    log.warn('two');
    createLogger('silent', 'main', target).fatal('three');
    expect(entries(target.texts).map((entry) => entry['msg'])).toEqual(['two']);
  });

  test('hides what could carry a key or an event', () => {
    const target = collect();
    const log = createLogger('info', 'main', target);
    log.info({
      key: 'hunter2',
      keys: ['hunter2'],
      request: { headers: { 'x-api-key': 'hunter2' }, body: 'hunter2' },
    });
    log.info({ app: { writeKey: 'hunter2', authorization: 'hunter2' } });
    expect(target.texts.join('')).not.toContain('hunter2');
    expect(entries(target.texts)[0]).toMatchObject({ key: '<hidden>', request: { body: '<hidden>' } });
  });
});

describe('the start', () => {
  const facts: StartFacts = {
    version: '1.2.3',
    node: '22.0.0',
    listen: ['http://0.0.0.0:8080', 'ws://0.0.0.0:8080/v1/stream'],
    sinks: ['embedded'],
    scanner: 'reference',
    workers: 3,
    apps: 2,
    dataDir: '/data',
    query: 'http://127.0.0.1:8123',
    memoryBytesMax: 256 * 1024 * 1024,
  };

  test('is a table on a terminal, with every fact', () => {
    const terminal = { ...collect(), isTTY: true };
    const target = collect();
    printBanner(facts, terminal, createLogger('info', 'main', target));
    expect(terminal.texts.join('')).toBe(
      [
        '',
        'penstock 1.2.3 on Node 22.0.0',
        '  events   http://0.0.0.0:8080, ws://0.0.0.0:8080/v1/stream',
        '  query    http://127.0.0.1:8123',
        '  sinks    embedded',
        '  scanner  reference, 3 workers',
        '  apps     2',
        '  data     /data',
        '  memory   at most 256 MiB of buffers',
        '',
        '',
      ].join('\n'),
    );
    expect(target.texts).toEqual([]);
  });

  test('is one log line with every fact elsewhere', () => {
    const pipe = collect();
    const target = collect();
    printBanner(facts, pipe, createLogger('info', 'main', target));
    expect(pipe.texts).toEqual([]);
    // The version is the logger's own, in every line.
    const { version: _, ...logged } = facts;
    expect(entries(target.texts)).toEqual([expect.objectContaining({ ...logged, msg: 'started' })]);
  });

  test.each([true, false])(
    'warns of open mode (terminal: %s), even when the log takes warnings only',
    (isTTY) => {
      const target = collect();
      const stream = { ...collect(), isTTY };
      printBanner(
        { ...facts, apps: 'open mode', query: undefined },
        stream,
        createLogger('warn', 'main', target),
      );
      expect(entries(target.texts)).toEqual([
        expect.objectContaining({ level: 'warn', msg: expect.stringContaining('open mode') }),
      ]);
      if (isTTY) expect(stream.texts.join('')).toContain('OPEN MODE');
    },
  );
});

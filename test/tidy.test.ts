/**
 * House rules that a program can see, over src and workers. A finding is `file:line: the line`. What stands here
 * is what is really kept; a rule that needs an exception gets it here, with the reason.
 */
import { describe, expect, test } from 'vitest';
import {
  countLines,
  find,
  findCycle,
  importsOf,
  listFiles,
  readSources,
  type Source,
} from './tidy/source.ts';

const sources = [...readSources('src'), ...readSources('workers')];

/** Line one of a file whose code runs per event or per byte; it may assert what a loop's bounds prove. */
const isHot = (source: Source) => source.text.split('\n', 1)[0]?.includes('Hot path') ?? false;

function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => path === place || (place.endsWith('/') && path.startsWith(place)));
}

function findings(pattern: RegExp, isExempt: (source: Source) => boolean = () => false): string[] {
  return sources.filter((source) => !isExempt(source)).flatMap((source) => find(source, pattern));
}

test('there is something to read', () => {
  expect(sources.length).toBeGreaterThan(20);
});

describe('types', () => {
  test('no any', () => {
    expect(findings(/(?<!\.)\bany\b/g)).toEqual([]);
  });

  test('no enum', () => {
    expect(findings(/\benum\s+\w/g)).toEqual([]);
  });

  test('no non-null assertion outside of hot files', () => {
    expect(findings(/[\w)\]]!(?!=)/g, isHot)).toEqual([]);
  });
});

describe('what comes in through a constructor elsewhere', () => {
  test('the disk: node:fs only where files are the trade', () => {
    const allowed = [
      'src/config/',
      'src/journal/',
      'src/sinks/',
      // Reads /proc, which is no disk.
      'src/metrics/thread-cpu.ts',
      // The client's files are on its own machine, behind interfaces of its own.
      'src/sdk/storage-file.ts',
      'src/sdk/node.ts',
    ];
    const found = sources
      .filter((source) => !isIn(source.path, allowed))
      .flatMap((source) =>
        importsOf(source)
          .filter(({ target }) => /^(node:)?fs(\/|$)/.test(target))
          .map(({ line, target }) => `${source.path}:${line}: ${target}`),
      );
    expect(found).toEqual([]);
  });

  test('time: the machine’s clock only in src/clock.ts', () => {
    const pattern = /\bDate\.now\b|\bperformance\.now\b|\bnew Date\(\)|\bprocess\.hrtime\b/g;
    // The client is a package of its own: its clock comes in through its Platform.
    const allowed = ['src/clock.ts', 'src/sdk/global-platform.ts'];
    expect(findings(pattern, ({ path }) => isIn(path, allowed))).toEqual([]);
  });

  test('chance: Math.random nowhere', () => {
    expect(findings(/\bMath\.random\b/g)).toEqual([]);
  });

  test('shared memory: Atomics only where it is described', () => {
    const allowed = [
      'src/slab/',
      'src/dispatch/',
      'src/metrics/counters.ts',
      'src/metrics/statistics.ts',
      'src/dedup/',
      'src/ack/progress.ts',
      'src/admission/key-page.ts',
      'src/admission/limit-page.ts',
    ];
    expect(findings(/\bAtomics\./g, ({ path }) => isIn(path, allowed))).toEqual([]);
  });
});

/**
 * Covered: by a comment right above, by one that opens the paragraph, or by the file's opening comment when the
 * paragraph is the first behind it, or when the file exports one class or function and is about nothing else.
 */
function isDocumented(source: Source, line: number): boolean {
  const lines = source.text.split('\n');
  let above = line - 2;
  while (above >= 0 && lines[above] !== '' && !lines[above]?.endsWith('*/')) above--;
  if (lines[above]?.endsWith('*/')) return true;
  const header = /^(?:(?:#!|\/\/).*\n)*\/\*\*[\s\S]*?\*\/\n/.exec(source.text)?.[0];
  if (header === undefined) return false;
  const between = lines.slice(header.split('\n').length - 1, above + 1).join('\n');
  if (/^\s*(?:import\s[^;]*;\s*)*$/.test(between)) return true;
  return source.code.match(/^export (?:abstract |async )*(?:function|class) /gm)?.length === 1;
}

test('every exported function, class and constant says what it is for', () => {
  const found = sources.flatMap((source) =>
    find(source, /^export (?:abstract |async )*(?:function|class|const) /gm).filter(
      (place) => !isDocumented(source, Number(place.split(':')[1])),
    ),
  );
  expect(found).toEqual([]);
});

describe('the shape of the tree', () => {
  /** Types may refer to each other; modules that run may not wait for each other. */
  const valueImports = (source: Source) =>
    importsOf(source)
      .filter(({ isType }) => !isType)
      .map(({ target }) => target);

  test('imports have no cycles', () => {
    const graph = new Map(sources.map((source) => [source.path, valueImports(source)] as const));
    expect(findCycle(graph) ?? []).toEqual([]);
  });

  /** Files at the top of src that every stage may use. */
  const LEAVES = [
    'assert',
    'backoff',
    'clock',
    'crc32c',
    'event',
    'in-flight',
    'limits',
    'log',
    'memory',
    'native-addon',
    'outcome',
    'problem',
    'version',
    'views',
  ].map((name) => `src/${name}.ts`);
  /** Pages of a stage that are its contract with the others: types, and words of shared memory. */
  const CONTRACTS = [
    'src/config/config.ts',
    'src/dedup/findings.ts',
    'src/scan/contract.ts',
    'src/scan/uuid.ts',
    'src/sinks/sink.ts',
    'src/slab/layout.ts',
  ];
  /** Neighbours that know each other beyond contracts: [stage, what it may import, why]. */
  const EXCEPTIONS: readonly (readonly [stage: string, target: string, why: string])[] = [
    ['scan', 'src/dialects/', 'the scanner runs compiled dialects'],
    ['admission', 'src/dialects/', 'where a key may stand is a column of the dialects’ tables'],
    ['ack', 'src/dialects/', 'an answer names the field in the words of the dialect'],
    ['sessions', 'src/slab/slab.ts', 'which frames are messages of sessions stands beside a slab'],
    ['ack', 'src/slab/slab.ts', 'answers are read from a slab that came back'],
    ['dispatch', 'src/slab/', 'slabs are what it sends out'],
    ['sinks', 'src/scan/reference/murmur2.ts', 'partitions follow from the hash that the scanner writes'],
    ...['http', 'websocket'].flatMap((door) =>
      (
        [
          ['src/front.ts', 'the stages that a door is given'],
          ['src/dialects/', 'routes are a column of the dialects’ tables'],
          ['src/admission/', 'admission is asked before a byte is read'],
          ['src/slab/', 'bytes are copied from the socket into a slab, once'],
          ['src/ack/', 'verdicts come back as answers'],
          ['src/scan/unwrap.ts', 'which encodings the runtime can read decides what is refused'],
        ] as const
      ).map(([target, why]) => [door, target, why] as const),
    ),
    ['websocket', 'src/sessions/', 'a connection may go on with the session of one before it'],
    ['websocket', 'src/http/refusal.ts', 'a stream begins as an HTTP request'],
    [
      'consume',
      'src/sinks/kafka/',
      'it reads over the connections, codecs and formats that the Kafka sink writes with',
    ],
    ['consume', 'src/journal/breaker.ts', 'it stops for a sink that is away as the journal does'],
    ['consume', 'src/journal/ending.ts', 'and ends as the journal’s deliveries do'],
    ['unwrap', 'src/dialects/', 'how a body is decoded is a column of the dialects’ tables'],
    ['unwrap', 'src/slab/carried.ts', 'parts of events stand in the head that a frame carries'],
    ['unwrap', 'src/admission/', 'write keys stand in bodies too'],
    ['redis', 'src/admission/rate-limits.ts', 'what of rate limits processes share is theirs to say'],
  ];

  test('a stage imports its own folder, the leaves, contracts and listed neighbours', () => {
    const found = sources.flatMap((source) => {
      const stage = /^src\/([^/]+)\//.exec(source.path)?.[1];
      if (stage === undefined) return [];
      const exceptions = EXCEPTIONS.filter(([name]) => name === stage).map(([, target]) => target);
      const allowed = [`src/${stage}/`, ...LEAVES, ...CONTRACTS, ...exceptions];
      return importsOf(source)
        .filter(({ target }) => target.startsWith('src/') && !isIn(target, allowed))
        .map(({ line, target }) => `${source.path}:${line}: ${target}`);
    });
    expect(found).toEqual([]);
  });

  test('no file is longer than 350 lines', () => {
    const files = [
      ...sources.map(({ path }) => path),
      ...listFiles('native', /\.(c|cc|cpp|h|hpp)$/).filter((path) => !path.includes('/build/')),
    ];
    const found = files
      .map((path) => [path, countLines(path)] as const)
      .filter(([, lines]) => lines > 350)
      .map(([path, lines]) => `${path}:${lines}: lines`);
    expect(found).toEqual([]);
  });
});

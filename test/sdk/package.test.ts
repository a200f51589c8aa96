/** What is published: its size, its layout, its types; and that a process with a client ends when it has nothing else to do. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  MESSAGE_BYTES_MAX,
  BATCH_EVENTS_MAX as SERVER_BATCH_EVENTS_MAX,
  WIRE_BYTES_MAX,
} from '../../src/limits.ts';
import * as limits from '../../src/sdk/limits.ts';
import { LIBRARY } from '../../src/sdk/version.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(root, 'dist/sdk');
const BROWSER_BYTES_MAX = 6 * 1024;

let app = '';
beforeAll(() => {
  app = mkdtempSync(join(tmpdir(), 'penstock-sdk-app-'));
  mkdirSync(join(app, 'node_modules'));
  symlinkSync(dist, join(app, 'node_modules/penstock-client'));
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

/** Runs a module of an application that has the package installed. */
function run(source: string, ...args: string[]) {
  const file = join(app, 'main.mjs');
  writeFileSync(file, source);
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, [...args, file], {
    cwd: app,
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, stdout: stdout.trim(), stderr, seconds: (performance.now() - started) / 1000 };
}

test('the file for browsers is under 6 KiB gzipped, and is one file', () => {
  const code = readFileSync(join(dist, 'penstock.min.js'));
  const bytes = gzipSync(code, { level: 9 }).length;
  console.log(`penstock.min.js: ${bytes} bytes gzipped, ${code.length} not; at most ${BROWSER_BYTES_MAX}`);
  expect(bytes).toBeLessThanOrEqual(BROWSER_BYTES_MAX);
  expect(code.toString()).not.toMatch(/\bimport\b|\brequire\(/);
});

describe('the package', () => {
  const manifest = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    dependencies?: unknown;
    exports: unknown;
  };

  test('has what its exports name, its version, and no dependency', () => {
    const paths: string[] = [];
    const collect = (value: unknown) => {
      if (typeof value === 'string') paths.push(value);
      else for (const inner of Object.values(value as object)) collect(inner);
    };
    collect(manifest.exports);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(dist, path)))).toEqual([]);
    expect({ name: manifest.name, version: manifest.version }).toEqual(LIBRARY);
    expect(manifest.dependencies).toBeUndefined();
  });

  test('is found by its conditions: Node, browsers, and any other place', () => {
    const source = `console.log(import.meta.resolve('penstock-client').split('/').pop(), typeof (await import('penstock-client')).createClient)`;
    expect(run(source).stdout).toBe('node.js function');
    const resolve = `console.log(import.meta.resolve('penstock-client').split('/').pop())`;
    expect(run(resolve, '-C', 'browser').stdout).toBe('browser.js');
    expect(
      run(`console.log(Object.keys(await import('./node_modules/penstock-client/index.js')))`).stdout,
    ).toBe("[ 'createClient' ]");
  });

  test('has its own files only, all of which are packed', () => {
    const names = readdirSync(dist, { recursive: true }).map(String);
    expect(names).toContain('README.md');
    expect(names).toContain('node.d.ts');
    expect(
      names.filter((name) => !/^[\w.-]+(\.js|\.d\.ts)$|^README\.md$|^package\.json$/.test(name)),
    ).toEqual([]);
  });

  test('types an application, without the types of browsers or Node', () => {
    writeFileSync(
      join(app, 'app.ts'),
      `import { createClient, type Options, type Penstock } from 'penstock-client';
       const options: Options = { url: 'http://localhost:8080', key: 'k' };
       const client: Penstock = createClient(options);
       export const id: string = client.track('t', { n: 1 }, { userId: 'u' });
       // @ts-expect-error a type must be named
       client.track();`,
    );
    for (const conditions of [[], ['--customConditions', 'browser']]) {
      const compiler = join(root, 'node_modules/typescript/bin/tsc');
      const flags = '--noEmit --strict --module nodenext --target es2022 --lib es2022 app.ts'.split(' ');
      const { stdout } = spawnSync(process.execPath, [compiler, ...flags, ...conditions], {
        cwd: app,
        encoding: 'utf8',
      });
      expect(stdout).toBe('');
    }
  });
});

describe('a process', () => {
  test('ends by itself while its client has no server and events wait', () => {
    const { status, seconds, stderr } = run(
      `import { createClient } from 'penstock-client';
       const client = createClient({ url: 'http://127.0.0.1:9', transport: 'http', flushIntervalMs: 10 });
       client.track('t');
       setTimeout(() => {}, 300);`,
    );
    expect([status, stderr]).toEqual([0, '']);
    expect(seconds).toBeLessThan(10);
  });

  test('waits for close, which has a bound', () => {
    const { status, stdout } = run(
      `import { createClient } from 'penstock-client';
       const client = createClient({ url: 'http://127.0.0.1:9', transport: 'http' });
       client.track('t');
       console.log(await client.close(1500), client.stats().queued);`,
    );
    expect([status, stdout]).toEqual([0, 'false 1']);
  });
});

test('its bounds fit those of the server', () => {
  expect(limits.EVENT_BYTES_MAX).toBeLessThan(MESSAGE_BYTES_MAX);
  expect(limits.BATCH_EVENTS_MAX).toBeLessThanOrEqual(SERVER_BATCH_EVENTS_MAX);
  expect(limits.BATCH_BYTES_MAX).toBeLessThan(WIRE_BYTES_MAX);
  expect(limits.EVENT_BYTES_MAX).toBeLessThan(limits.QUEUE_BYTES_MAX);
});

/** The command line as a real process, from the build that `npm test` makes first. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { fileSchema } from '../../src/config/schema.ts';
import { VERSION } from '../../src/version.ts';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function penstock(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const run = spawnSync(process.execPath, [main, ...args], { cwd: folder, env, encoding: 'utf8' });
  return { status: run.status, stdout: run.stdout, stderr: run.stderr };
}

test('--version is the one of package.json', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect((JSON.parse(text) as { version: string }).version).toBe(VERSION);
  expect(penstock(['--version'])).toEqual({ status: 0, stdout: `${VERSION}\n`, stderr: '' });
});

test('--help teaches: an event, a stream, a query and every variable', () => {
  const { status, stdout } = penstock(['--help']);
  expect(status).toBe(0);
  const words = [
    'serve',
    'config',
    'store',
    'migrate',
    'CLICKHOUSE_URL',
    'curl localhost:8080/v1/events -d',
    'new WebSocket(',
    'SELECT',
    'PENSTOCK_KEYS',
  ];
  for (const word of words) expect(stdout).toContain(word);
});

test('a mistyped command is named', () => {
  const { status, stderr } = penstock(['confg', 'check']);
  expect(status).toBe(1);
  expect(stderr).toContain("error: unknown command 'confg check'");
});

describe('config check', () => {
  test('prints the effective configuration as YAML', () => {
    const { status, stdout, stderr } = penstock(['config', 'check'], { PENSTOCK_WORKERS: '3', PORT: '81' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const defaults = fileSchema.parse({});
    expect(parse(stdout)).toEqual({
      ...defaults,
      http: { ...defaults.http, port: 81 },
      workers: 3,
      embedded: { ...defaults.embedded, enabled: true },
      data_dir: join(folder, 'data'),
    });
  });

  test('prints a file again that it accepts, but for the keys', () => {
    writeFileSync(join(folder, 'a.yaml'), 'apps: [{ name: web, keys: [hunter2] }]\nworkers: 2\n');
    const { status, stdout } = penstock(['config', 'check', '--config', 'a.yaml']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^# a\.yaml\n/);
    expect(stdout).not.toContain('hunter2');
    expect(fileSchema.parse(parse(stdout))).toMatchObject({ apps: [{ name: 'web', keys: ['<hidden>'] }] });
  });

  test('prints all faults and exits with 1', () => {
    writeFileSync(join(folder, 'b.yaml'), 'workers: 0\nzoo: 1\n');
    const { status, stdout, stderr } = penstock(['config', 'check', '-c', 'b.yaml'], { PORT: 'x' });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.split('\n')).toEqual([
      'penstock: the configuration has 3 faults',
      expect.stringContaining('  b.yaml:1:10: workers: expected '),
      expect.stringContaining('  b.yaml:2:1: zoo: expected '),
      '  environment: PORT: expected a whole number from 0 to 65535, got "x"',
      '',
    ]);
  });
});

test('serve with a faulty configuration says so and exits with 1', () => {
  const { status, stderr } = penstock(['serve'], { REDIS_URL: 'localhost' });
  expect(status).toBe(1);
  expect(stderr).toContain('environment: REDIS_URL: expected an address such as redis://');
});

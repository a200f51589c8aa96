/**
 * There is no container engine where the tests run, so CI follows the Dockerfile's steps with
 * scripts/container/assemble.sh. These tests hold the two together.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { NODE_ARGUMENTS } from '../../src/heap.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const dockerfile = read('Dockerfile');
const assemble = read('scripts/container/assemble.sh');
const stages = dockerfile.split(/^FROM /m).slice(1);

function steps(text: string, instruction: string): string[] {
  return [...text.matchAll(new RegExp(`^${instruction} (.*)$`, 'gm'))].map((match) =>
    (match[1] ?? '').replace(/^--\S+ /, ''),
  );
}

test('every stage is the same release of Node and Debian; only the build has a compiler', () => {
  expect(stages.map((stage) => stage.split(/\s/)[0])).toEqual([
    'node:22-bookworm',
    'node:22-bookworm-slim',
    'node:22-bookworm-slim',
  ]);
});

test('the steps that run are scripts that CI runs too, but for the data folder', () => {
  const scripts = steps(dockerfile, 'RUN');
  expect(scripts).toEqual([
    'bash scripts/container/build.sh',
    'bash scripts/container/install-runtime.sh',
    'install -d -o node -g node /data',
  ]);
  for (const script of scripts.slice(0, 2)) expect(assemble).toContain(script);
});

test('what is copied exists, or is made by a step, and CI copies the same', () => {
  const copies = steps(dockerfile, 'COPY').map((copy) => copy.split(' ').slice(0, -1));
  expect(copies.flat()).toEqual([
    '.',
    'package.json',
    'package-lock.json',
    '.npmrc',
    'scripts/container',
    'package.json',
    'scripts/container/healthcheck.mjs',
    '/app/node_modules',
    '/app/config',
    '/app/dist',
  ]);
  for (const path of copies.flat()) {
    const local = path.replace('/app/', '');
    if (!path.startsWith('/')) expect(existsSync(`${root}${path}`), path).toBe(true);
    if (path !== '.') expect(assemble, path).toContain(local);
  }
});

test('what the build reads is let through to it', () => {
  const ignore = read('.dockerignore').split('\n');
  expect(ignore).toContain('*');
  const passed = ignore.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
  const compiled = (JSON.parse(read('tsconfig.build.json')) as { include: string[] }).include;
  for (const path of [...compiled, 'package.json', 'package-lock.json', '.npmrc', 'config', 'scripts']) {
    expect(passed).toContain(path);
  }
});

test('it is stopped by the signal that the program drains on, without a shell in between', () => {
  const last = stages.at(-1) ?? '';
  expect(steps(last, 'STOPSIGNAL')).toEqual(['SIGTERM']);
  expect(steps(last, 'USER')).toEqual(['node']);
  expect(JSON.parse(steps(last, 'ENTRYPOINT')[0] ?? '')).toEqual([
    'node',
    ...NODE_ARGUMENTS,
    'dist/src/main.js',
  ]);
  expect(dockerfile).toContain('CMD ["node", "scripts/container/healthcheck.mjs"]');
});

// Installs and builds when needed, so that `npm start` and `npm test` work on a fresh clone.
// Plain Node, no dependency: it runs before anything is installed.
//
//   install: when node_modules is not the one of this package-lock.json and this Node major
//   build:   when a source file is newer than the last build
//   native:  when native/ or its packages changed; a failure leaves the scanner in TypeScript (native.mjs)
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative, isNativeCurrent } from './native.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const installStamp = join(root, 'node_modules/.penstock-install');
const buildStamp = join(root, 'dist/.penstock-build');
const sourceFolders = ['src', 'workers', 'bench'];
const buildFiles = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.sdk.json', 'package-lock.json'];

/** Brings node_modules and dist up to date; quiet when there is nothing to do. */
export function prepare() {
  const lockHash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (!existsSync(installStamp) || readFileSync(installStamp, 'utf8') !== lockHash) {
    step('installing packages', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
    writeFileSync(installStamp, lockHash);
  }
  if (!existsSync(buildStamp) || newestSource() > statSync(buildStamp).mtimeMs) build();
  else if (!isNativeCurrent()) buildNative();
}

/** Compiles src, workers, bench and native into dist, from scratch so that a deleted source leaves nothing behind. */
export function build() {
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  step('building', process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
  ]);
  step('building the client', process.execPath, [join(root, 'scripts/sdk.mjs')]);
  buildNative();
  writeFileSync(buildStamp, new Date().toISOString());
}

function newestSource() {
  let newest = 0;
  for (const file of buildFiles) newest = Math.max(newest, statSync(join(root, file)).mtimeMs);
  for (const folder of sourceFolders) {
    for (const entry of readdirSync(join(root, folder), { recursive: true })) {
      newest = Math.max(newest, statSync(join(root, folder, entry)).mtimeMs);
    }
  }
  return newest;
}

function step(what, command, args) {
  const started = Date.now();
  process.stderr.write(`penstock: ${what} …\n`);
  const run = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (run.status !== 0) {
    process.stderr.write(`penstock: ${what} failed; see the messages above\n`);
    process.exit(run.status ?? 1);
  }
  process.stderr.write(`penstock: ${what} done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare();

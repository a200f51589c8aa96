// Builds the native scanner: native/ and simdjson's source into dist/native/scanner.node. Where no compiler is, or the
// build fails, it says so and leaves nothing: the scanner in TypeScript then serves.
//
// The compiler is called directly. node-gyp would bring Python, make and a download of headers of its own, and its
// current release leaves Node 20 out; the addon is two translation units in plain Node-API, whose headers are a package.
//
//   CXX               the compiler, c++ by default
//   CXXFLAGS          flags behind ours
//   PENSTOCK_NATIVE   `off` does not build
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Beside dist/, which every build of the TypeScript removes: simdjson takes most of the time and seldom changes.
const cache = join(root, 'build/native');
const product = join(root, 'dist/native/scanner.node');

const compiler = process.env['CXX'] || 'c++';
const flags = [
  '-O3 -std=c++17 -fPIC -DNDEBUG -fno-exceptions -fno-rtti -fvisibility=hidden -Wall -Wextra',
  process.env['CXXFLAGS'] ?? '',
]
  .join(' ')
  .trim()
  .split(/\s+/);
const includes = ['node_modules/node-api-headers/include', 'node_modules/@nozbe/simdjson/src'];
// The C++ library inside: an image that only runs Node need not have one of the compiler's age.
const linkFlags =
  process.platform === 'darwin'
    ? ['-bundle', '-undefined', 'dynamic_lookup']
    : ['-shared', '-static-libstdc++', '-static-libgcc'];

/** Brings dist/native up to date; returns whether the addon is there. */
export function buildNative() {
  if (process.env['PENSTOCK_NATIVE'] === 'off') return false;
  const wanted = stampOf(['native', 'scripts/native.mjs', 'package-lock.json']);
  const built = join(cache, 'scanner.node');
  if (stampAt('scanner') !== wanted) {
    const started = Date.now();
    process.stderr.write('penstock: building the native scanner …\n');
    rmSync(product, { force: true });
    mkdirSync(cache, { recursive: true });
    if (!compile(built)) {
      process.stderr.write(
        'penstock: no native scanner; the one in TypeScript serves, several times slower\n',
      );
      return false;
    }
    writeFileSync(stampPath('scanner'), wanted);
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    process.stderr.write(`penstock: building the native scanner done in ${seconds} s\n`);
  }
  mkdirSync(join(root, 'dist/native'), { recursive: true });
  // Removed first: a process that has the old one loaded keeps its file.
  rmSync(product, { force: true });
  copyFileSync(built, product);
  return true;
}

/** Whether dist/native is what this tree gives, or cannot be had. */
export function isNativeCurrent() {
  if (process.env['PENSTOCK_NATIVE'] === 'off') return true;
  return (
    existsSync(product) &&
    stampAt('scanner') === stampOf(['native', 'scripts/native.mjs', 'package-lock.json'])
  );
}

function compile(target) {
  const kernels = join(cache, 'kernels.o');
  const kernelStamp = stampOf(['native/kernels.cpp', 'native/kernels.h', 'package-lock.json']);
  if (!existsSync(kernels) || stampAt('kernels') !== kernelStamp) {
    if (!run([...compileFlags(), '-c', 'native/kernels.cpp', '-o', kernels])) return false;
    writeFileSync(stampPath('kernels'), kernelStamp);
  }
  const addon = join(cache, 'addon.o');
  if (!run([...compileFlags(), '-c', 'native/addon.cpp', '-o', addon])) return false;
  return run([...flags, ...linkFlags, addon, kernels, '-o', target]);
}

function compileFlags() {
  return [...flags, ...includes.map((folder) => `-isystem${folder}`)];
}

function run(parameters) {
  const done = spawnSync(compiler, parameters, { cwd: root, stdio: ['ignore', 2, 2] });
  if (done.error !== undefined) process.stderr.write(`penstock: ${compiler}: ${done.error.message}\n`);
  return done.status === 0;
}

function stampPath(name) {
  return join(cache, `${name}.stamp`);
}

function stampAt(name) {
  return existsSync(stampPath(name)) ? readFileSync(stampPath(name), 'utf8') : '';
}

/** Digest of files and folders, the compiler's name and flags, and the machine's kind. */
function stampOf(paths) {
  const digest = createHash('sha256');
  digest.update(JSON.stringify([compiler, flags, linkFlags, process.platform, process.arch]));
  for (const path of paths.flatMap(filesOf)) digest.update(path).update(readFileSync(join(root, path)));
  return digest.digest('hex');
}

function filesOf(path) {
  if (/\.\w+$/.test(path)) return [path];
  // Its targets are built by scripts/native-fuzz.sh, and nothing of them is in the addon.
  if (path === 'native/fuzz') return [];
  return readdirSync(join(root, path))
    .sort()
    .flatMap((name) => filesOf(`${path}/${name}`));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildNative() ? 0 : 1;

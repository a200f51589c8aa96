// Builds the client's package, dist/sdk/: ES modules with types, one minified file for pages, package.json. What stands
// there can be packed and published as it is (npm pack dist/sdk).
import { spawnSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'dist/sdk');

rmSync(folder, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
const run = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.sdk.json'], {
  cwd: root,
  stdio: 'inherit',
});
if (run.status !== 0) process.exit(run.status ?? 1);
await build({
  input: join(folder, 'browser.js'),
  platform: 'browser',
  logLevel: 'warn',
  output: { file: join(folder, 'penstock.min.js'), format: 'esm', minify: true, comments: false },
});
copyFileSync(join(root, 'src/sdk/package.json'), join(folder, 'package.json'));
copyFileSync(join(root, 'src/sdk/README.md'), join(folder, 'README.md'));

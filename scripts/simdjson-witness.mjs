// Builds the npm binding of simdjson (development dependency `simdjson`) into build/simdjson/simdjson.node, for
// `npm run bench:simdjson` and as a witness in test/scan/json-suite.test.ts. The compiler is called directly, as for
// our own addon: the package's install script is node-gyp's, which needs Python, make and a download of headers, and
// .npmrc lets no install script run. Exit code 1 where it cannot be built.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = join(root, 'build/simdjson');
const stamp = join(folder, 'stamp');
const require = createRequire(import.meta.url);
const packagePath = require.resolve('simdjson/package.json');
const source = dirname(packagePath);
const napiHeaders = dirname(createRequire(packagePath).resolve('node-addon-api'));
const compiler = process.env['CXX'] || 'c++';
// Optimised as its binding.gyp says.
const parameters = [
  ...'-O3 -std=c++17 -fPIC -DNAPI_CPP_EXCEPTIONS -DNODE_GYP_MODULE_NAME=simdjson'.split(' '),
  `-isystem${napiHeaders}`,
  `-isystem${join(root, 'node_modules/node-api-headers/include')}`,
  ...(process.platform === 'darwin' ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared']),
  ...['main.cpp', 'bindings.cpp', 'src/simdjson.cpp'].map((file) => join(source, 'simdjson', file)),
  '-o',
  join(folder, 'simdjson.node'),
];
const wanted = JSON.stringify([compiler, parameters, JSON.parse(readFileSync(packagePath, 'utf8')).version]);

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  mkdirSync(folder, { recursive: true });
  process.stderr.write('penstock: building the npm binding of simdjson …\n');
  const { status } = spawnSync(compiler, parameters, { stdio: ['ignore', 2, 2] });
  if (status === 0) writeFileSync(stamp, wanted);
  else process.exitCode = 1;
}

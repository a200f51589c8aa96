// Loaded into every Node process by native-sanitize.sh: starts the store's process without the sanitizer. chDB brings an
// allocator of its own and does not start under another one; the scanner is not loaded there.
const childProcess = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');

const { fork } = childProcess;
childProcess.fork = (path, parameters, options) => {
  if (!String(path).includes('workers/store')) return fork(path, parameters, options);
  const { LD_PRELOAD: _preload, NODE_OPTIONS: _options, ...env } = { ...process.env, ...options?.env };
  return fork(path, parameters, { ...options, env });
};
syncBuiltinESMExports();

// `penstock serve --config FILE` with unkept-ingest.mjs as worker entry.
import { loadConfig } from '../../dist/src/config/load.js';
import { createLogger } from '../../dist/src/log.js';
import { serve } from '../../dist/src/serve.js';

const { config } = await loadConfig({ file: process.argv.at(-1) });
await serve(config, createLogger(config.log.level), {
  workerEntry: new URL('./unkept-ingest.mjs', import.meta.url),
});

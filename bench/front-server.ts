/** The appliance with noop-ingest.ts as its workers and no sink: the front alone, as its own process. */
import { REQUEST_HEAD_BYTES_MAX } from '../src/limits.ts';

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(REQUEST_HEAD_BYTES_MAX);
const { loadConfig } = await import('../src/config/load.ts');
const { createLogger } = await import('../src/log.ts');
const { serve } = await import('../src/serve.ts');

const loaded = await loadConfig({ file: undefined });
if (!('config' in loaded)) throw new Error('the default configuration is valid');
const { config } = loaded;
await serve(
  {
    ...config,
    workers: 1,
    http: { ...config.http, host: '127.0.0.1' },
    embedded: { ...config.embedded, enabled: false },
  },
  createLogger('info'),
  { workerEntry: new URL('./noop-ingest.js', import.meta.url) },
);

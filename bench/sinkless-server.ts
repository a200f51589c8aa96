/**
 * The appliance without a sink, which `penstock serve` refuses to be: what is accepted stands in the journal, or with
 * `BENCH_DURABILITY=memory` in memory, and goes nowhere. For rounds that measure up to the ack and no further.
 */
import { REQUEST_HEAD_BYTES_MAX } from '../src/limits.ts';

process.env['UWS_HTTP_MAX_HEADERS_SIZE'] = String(REQUEST_HEAD_BYTES_MAX);
const { loadConfig } = await import('../src/config/load.ts');
const { createLogger } = await import('../src/log.ts');
const { serve } = await import('../src/serve.ts');

const loaded = await loadConfig({ file: process.env['PENSTOCK_CONFIG'] });
if (!('config' in loaded)) throw new Error(`the configuration is not valid: ${JSON.stringify(loaded)}`);
const { config } = loaded;
await serve({ ...config, embedded: { ...config.embedded, enabled: false } }, createLogger('info'));

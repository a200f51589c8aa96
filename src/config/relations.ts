/** Checks that look at more than one key. They run on a whole configuration, faulty keys replaced by defaults. */
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { resolve } from 'node:path';
import { assert } from '../assert.ts';
import { BLOCK_BYTES_MAX, CLICKHOUSE_BLOCK_BYTES_MAX } from '../limits.ts';
import type { AppConfig } from './config.ts';
import { KEYS_VARIABLE } from './environment.ts';
import { type ConfigFault, formatPath } from './fault.ts';
import { type FileConfig, RELATIONS } from './schema.ts';
import { type Place, valueAt } from './tree.ts';

/** Relations between the bounds of schema.ts. `setAside`: keys that have faults of their own and stand at their defaults. */
export function checkRelations(
  config: FileConfig,
  setAside: ReadonlySet<string>,
  place: (path: string) => Place,
): ConfigFault[] {
  return RELATIONS.flatMap(({ key, bound, divisor, reason }) => {
    if (isSetAside(setAside, key) || isSetAside(setAside, bound)) return [];
    const value = valueAt(config, key.split('.'));
    const boundValue = valueAt(config, bound.split('.'));
    assert(typeof value === 'number' && typeof boundValue === 'number', 'relations are between numbers');
    const max = Math.floor(boundValue / divisor);
    if (value <= max) return [];
    const share = divisor === 1 ? bound : `${bound} / ${divisor}`;
    return [{ ...place(key), expected: `at most ${max} = ${share} (${reason})`, got: String(value) }];
  });
}

/** Two doors cannot share a port; 0 takes a free one. */
export function checkPorts(
  config: FileConfig,
  setAside: ReadonlySet<string>,
  place: (path: string) => Place,
): ConfigFault[] {
  if (isSetAside(setAside, 'http.port') || isSetAside(setAside, 'embedded.port')) return [];
  if (config.http.port === 0 || config.http.port !== config.embedded.port) return [];
  const expected = 'a port other than http.port';
  return [{ ...place('embedded.port'), expected, got: String(config.embedded.port) }];
}

/** Whether events go to the embedded store: as the file says, else when no other sink has an address. */
export function isEmbeddedOn({ embedded, kafka, clickhouse }: FileConfig): boolean {
  if (embedded.enabled !== 'auto') return embedded.enabled;
  return kafka.brokers.length === 0 && clickhouse.url === '';
}

/** What one block of a sink may take of the memory budget. */
export function blockBytesOf(memory: FileConfig['memory']): number {
  return Math.floor(memory.max_bytes / 4);
}

/** Events must have a place to go to, a sink what it needs to be let in, and the blocks of a server room in memory. */
export function checkSinks(
  config: FileConfig,
  setAside: ReadonlySet<string>,
  place: (path: string) => Place,
): ConfigFault[] {
  const { kafka, clickhouse, consume, memory } = config;
  const hasServer = clickhouse.url !== '';
  const faults: ConfigFault[] = [];
  const isAddressSetAside = ['kafka.brokers', 'clickhouse.url'].some((key) => isSetAside(setAside, key));
  if (!isEmbeddedOn(config) && kafka.brokers.length === 0 && !hasServer && !isAddressSetAside) {
    const expected = 'auto or true, or the address of another sink (kafka.brokers, clickhouse.url)';
    faults.push({ ...place('embedded.enabled'), expected, got: 'false' });
  }
  if (kafka.sasl_mechanism !== 'none' && kafka.sasl_username === '') {
    const expected = `a user name for ${kafka.sasl_mechanism}`;
    faults.push({ ...place('kafka.sasl_username'), expected, got: 'nothing' });
  }
  const flushBytesMax = blockBytesOf(memory);
  for (const [key, flushBytes, byDefault] of [
    ['clickhouse.flush_bytes', clickhouse.flush_bytes, CLICKHOUSE_BLOCK_BYTES_MAX],
    ['consume.flush_bytes', consume.flush_bytes, BLOCK_BYTES_MAX],
  ] as const) {
    // Defaults are cut to what fits (load.ts).
    if (flushBytes === byDefault || flushBytes <= flushBytesMax) continue;
    const expected = `at most ${flushBytesMax} = memory.max_bytes / 4 (a block is gathered in memory)`;
    faults.push({ ...place(key), expected, got: String(flushBytes) });
  }
  return faults;
}

/** Keys whose values are files, empty for none; relative ones are below the working directory. */
export const FILE_KEYS = {
  clickhouse: ['ca_file'],
  redis: ['ca_file'],
  kafka: ['tls_ca_file', 'tls_cert_file', 'tls_key_file'],
} as const;

/** Files that a stage reads at its start must be there now. */
export function checkFiles(
  config: FileConfig,
  directory: string,
  place: (path: string) => Place,
): ConfigFault[] {
  return Object.entries(FILE_KEYS).flatMap(([section, keys]) =>
    keys.flatMap((key) => {
      const file = valueAt(config, [section, key]);
      assert(typeof file === 'string', 'files have names');
      if (file === '') return [];
      try {
        accessSync(resolve(directory, file), constants.R_OK);
        return [];
      } catch (error) {
        const got = `${JSON.stringify(file)} (${String((error as NodeJS.ErrnoException).code)})`;
        return [{ ...place(`${section}.${key}`), expected: 'a file that can be read', got }];
      }
    }),
  );
}

/** App names stand once in the file, and a key belongs to one app, be it written plainly or as its digest. */
export function checkApps(
  fileApps: readonly AppConfig[],
  envApps: readonly AppConfig[],
  locate: (path: readonly PropertyKey[]) => string,
): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const names = new Map<string, string>();
  const keys = new Map<string, string>();
  for (const [index, app] of fileApps.entries()) {
    const path = ['apps', index, 'name'];
    const first = names.get(app.name);
    if (first !== undefined) {
      faults.push({
        source: locate(path),
        path: formatPath(path),
        expected: `a name that no other app has (the same stands in ${first})`,
        got: JSON.stringify(app.name),
      });
    } else names.set(app.name, formatPath(path));
    for (const [keyIndex, key] of app.keys.entries()) {
      const keyPath = ['apps', index, 'keys', keyIndex];
      checkKey(key, { source: locate(keyPath), path: formatPath(keyPath) });
    }
  }
  for (const app of envApps) {
    for (const key of app.keys) checkKey(key, { source: 'environment', path: KEYS_VARIABLE });
  }
  return faults;

  function checkKey(key: string, place: Place): void {
    const digest = key.startsWith('sha256:')
      ? key.slice('sha256:'.length)
      : createHash('sha256').update(key).digest('hex');
    const first = keys.get(digest);
    if (first === undefined) keys.set(digest, place.path);
    else {
      const expected = `keys that stand once (the same stands in ${first})`;
      faults.push({ ...place, expected, got: '<hidden>' });
    }
  }
}

function isSetAside(setAside: ReadonlySet<string>, key: string): boolean {
  const [section = ''] = key.split('.');
  return setAside.has(key) || setAside.has(section) || setAside.has('');
}

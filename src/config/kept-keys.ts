/**
 * What a process knew of the key registry, in its data directory: `keys.json`, digests of keys and names of apps. Replaced
 * whole by renaming, so that a start finds one or the other.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = 'keys.json';

export interface KeptKeys {
  readonly version: number;
  readonly apps: ReadonlyMap<string, string>;
}

/** Undefined when there is none, or none that can be read. */
export function readKeptKeys(dataDir: string): KeptKeys | undefined {
  try {
    const { version, apps } = JSON.parse(readFileSync(join(dataDir, FILE), 'utf8')) as Record<
      string,
      unknown
    >;
    if (typeof version !== 'number' || typeof apps !== 'object' || apps === null) return undefined;
    return { version, apps: new Map(Object.entries(apps as Record<string, string>)) };
  } catch {
    return undefined;
  }
}

/** Throws the disk's error. */
export function keepKeys(dataDir: string, { version, apps }: KeptKeys): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = join(dataDir, FILE);
  writeFileSync(`${file}.new`, JSON.stringify({ version, apps: Object.fromEntries(apps) }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

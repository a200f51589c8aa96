/** Configurations of a test's own: a folder with a file or without, and what loading it gives. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { formatFault } from '../../src/config/fault.ts';
import { CONFIG_FILE, loadConfig } from '../../src/config/load.ts';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A new folder, gone when the tests of the file are over; `text` becomes its configuration file. */
export function folderWith(text: string | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-config-'));
  folders.push(folder);
  if (text !== undefined) {
    mkdirSync(dirname(join(folder, CONFIG_FILE)));
    writeFileSync(join(folder, CONFIG_FILE), text);
  }
  return folder;
}

/** Loads what must have no fault. */
export async function load(
  text: string | undefined,
  env: NodeJS.ProcessEnv = {},
  cores = 4,
): Promise<Config> {
  const loaded = await loadConfig({ env, directory: folderWith(text), cores });
  if ('faults' in loaded) throw new Error(loaded.faults.map(formatFault).join('\n'));
  return loaded.config;
}

/** The faults as lines of text, without the file's name where a line follows it. */
export async function faultsOf(text: string | undefined, env: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const loaded = await loadConfig({ env, directory: folderWith(text), cores: 4 });
  if (!('faults' in loaded)) throw new Error('the configuration was accepted');
  return loaded.faults.map((fault) => formatFault(fault).replace(/^config\/penstock\.yaml:(?=\d)/, ''));
}

import { readFileSync } from 'node:fs';

/** The text of a PEM file that relations.ts has found readable; empty for no file. */
export function readCaFile(path: string): string {
  return path === '' ? '' : readFileSync(path, 'utf8');
}

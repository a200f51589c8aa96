/** The layer of shim.c for one server: built with the machine's C compiler, told what to do by a file that it maps. */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './appliance.ts';

const SOURCE = join(ROOT, 'bench/prove/shim.c');
/** `struct control`: bytes, and where each part is. */
const CONTROL_BYTES = 48;
const PLACES = {
  writePermille: 8,
  syncPermille: 12,
  error: 16,
  seed: 20,
  struckWrites: 24,
  struckSyncs: 28,
  struckClocks: 32,
} as const;

export type ShimValue = keyof typeof PLACES;

/** errno of Linux, the same on every architecture. */
export const ERRNO = { EIO: 5, ENOSPC: 28 } as const;

/** Why it cannot be had here; undefined when it can. */
export function shimUnavailable(): string | undefined {
  if (process.platform !== 'linux') return 'needs LD_PRELOAD of Linux';
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs a C compiler (cc)';
  }
}

export class Shim {
  readonly #fd: number;
  /** For the server's environment. */
  readonly env: Readonly<Record<string, string>>;

  /** Builds it in `folder`; calls on files with `part` in their path are its business. */
  constructor(folder: string, part: string, seed: number) {
    const library = join(folder, 'shim.so');
    const control = join(folder, 'shim.control');
    execFileSync('cc', ['-O2', '-shared', '-fPIC', '-Wall', '-Werror', SOURCE, '-o', library, '-ldl'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    writeFileSync(control, Buffer.alloc(CONTROL_BYTES));
    this.#fd = openSync(control, 'r+');
    this.set('seed', seed);
    this.env = { LD_PRELOAD: library, PENSTOCK_SHIM_CONTROL: control, PENSTOCK_SHIM_FOLDER: part };
  }

  set(name: ShimValue, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    writeSync(this.#fd, bytes, 0, 4, PLACES[name]);
  }

  get(name: ShimValue): number {
    const bytes = Buffer.alloc(4);
    readSync(this.#fd, bytes, 0, 4, PLACES[name]);
    return bytes.readInt32LE();
  }

  /** The wall clock of the server and its store goes this much wrong, from now on. */
  setClockOffset(ms: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(ms));
    writeSync(this.#fd, bytes, 0, 8, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

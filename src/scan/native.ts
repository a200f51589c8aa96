// Hot path: once a slab.
/**
 * The binding of the native scanner (native/, C++ on simdjson), which gives the bytes of the reference for every
 * input, several times faster. The addon is built by scripts/native.mjs and may be missing.
 */
import { createRequire } from 'node:module';
import { assert } from '../assert.ts';
import type { ScanJob, Scanner, ScanOutput, ScanSetup } from './contract.ts';
import { encodeSetup } from './native-setup.ts';
import { openOutput } from './output.ts';

interface Addon {
  kernel(): string;
  create(words: Uint32Array, bytes: Uint8Array): object | undefined;
  scan(
    scanner: object,
    output: ScanOutput,
    counts: Float64Array,
    words: Uint32Array,
    baseTimeMs: number,
    slab: Uint8Array,
    arena: Uint8Array,
    lines: Uint8Array,
    records: Uint32Array,
    errors: Uint32Array,
  ): boolean;
}

/** Beside the compiled modules; and from src/, where tests run, in what was built last. */
const PLACES = ['../../native/scanner.node', '../../dist/native/scanner.node'];

const addon = loadAddon();

function loadAddon(): Addon | undefined {
  const require = createRequire(import.meta.url);
  for (const place of PLACES) {
    try {
      return require(place) as Addon;
    } catch {
      // Not built, or not for this machine: the reference serves, and the start says so.
    }
  }
  return undefined;
}

/** Name of the instruction set that the native scanner uses here, or undefined when there is no native scanner. */
export function nativeKernel(): string | undefined {
  return addon?.kernel();
}

/** A native scanner for one thread, or undefined when the addon is not there. Ids are taken from `setup.ids`. */
export function createNativeScanner(setup: ScanSetup): Scanner | undefined {
  if (addon === undefined) return undefined;
  const { words, bytes } = encodeSetup(setup);
  const handle = addon.create(words, bytes);
  if (handle === undefined) return undefined;
  const { scan } = addon;
  const counts = new Float64Array(5);
  return {
    name: 'native',
    scan(job: ScanJob, output: ScanOutput): void {
      openOutput(output);
      counts[0] = setup.ids.counter;
      const [slab, arena] = job.sources;
      const { lines, records, errors } = output;
      const isDone = scan(
        handle,
        output,
        counts,
        job.words,
        job.baseTimeMs,
        slab,
        arena,
        lines,
        records,
        errors,
      );
      assert(isDone, 'a slab’s rows lie within its sources');
      setup.ids.counter = counts[0]!;
      output.lineBytes = counts[1]!;
      output.recordCount = counts[2]!;
      output.errorCount = counts[3]!;
      output.surrogatesReplaced = counts[4]!;
    },
  };
}

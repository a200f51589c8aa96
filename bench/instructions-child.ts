/**
 * What bench/instructions.ts counts: one scanner that scans the same slab `rounds` times, or an encoder of Native blocks
 * that takes the native scanner's lines as often.
 *
 *   node instructions-child.js native|blocks|reference SIZE ROUNDS SEED DIALECT     prints events and bytes of one round
 */
import { ROUTES, routeOfDialect } from '../src/dialects/routes.ts';
import { BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX } from '../src/limits.ts';
import { createScanOutput } from '../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../src/scan/native.ts';
import { createReferenceScanner } from '../src/scan/reference/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import { createNativeBlockEncoder } from '../src/sinks/native-block.ts';
import { type CorpusSize, createCorpus, createRandom } from './corpus.ts';
import { createSlab, resetVerdicts } from './scan-fixture.ts';
import { toSegmentBatch } from './segment-events.ts';

const [name, size, rounds, seedText, dialect] = process.argv.slice(2);
const seed = Number(seedText);
const EVENTS_PER_BODY = 100;
const SLAB_BODY_BYTES = 200_000;

const corpus = createCorpus(seed, size as CorpusSize);
const bodies: Buffer[] = [];
let bytes = 0;
while (bytes < SLAB_BODY_BYTES) {
  const body =
    dialect === 'segment' ? toSegmentBatch(corpus.events(EVENTS_PER_BODY)) : corpus.array(EVENTS_PER_BODY);
  bodies.push(body);
  bytes += body.length;
}
const setup = {
  programs: ROUTES.map(({ program }) => program),
  apps: ['', 'shop'],
  batchEventsMax: 1000,
  ids: createUuidSource(createRandom(seed)),
};
const scanner = name === 'reference' ? createReferenceScanner(setup) : createNativeScanner(setup);
if (scanner === undefined) throw new Error('the native scanner is not built; run node scripts/native.mjs');
const userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15';
const route = routeOfDialect(dialect ?? 'penstock');
const frames = bodies.map((body) => ({ body, route, address: [203, 0, 113, 7], userAgent, app: 1 }));
const slab = createSlab(frames, Date.UTC(2025, 5, 9));
const output = createScanOutput();
const encoder =
  name === 'blocks'
    ? createNativeBlockEncoder({
        jsonForm: 'paths',
        bytesMax: BLOCK_BYTES_MAX,
        rowsMax: NATIVE_BLOCK_ROWS_MAX,
      })
    : undefined;
for (let round = 0; round < Number(rounds); round++) {
  resetVerdicts(slab.words);
  scanner.scan(slab.job(), output);
  if (output.recordCount !== bodies.length * EVENTS_PER_BODY) throw new Error('an event was not accepted');
  const lines = output.lines.subarray(0, output.lineBytes);
  if (encoder !== undefined && encoder.append(lines) !== lines.length)
    throw new Error('a line was not taken');
}
console.log(JSON.stringify({ events: output.recordCount, bytes, kernel: nativeKernel() }));

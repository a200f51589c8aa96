/**
 * What bench/instructions.ts counts: one scanner that scans the same slab `rounds` times after warming up.
 *
 *   node instructions-child.js SCANNER SIZE ROUNDS SEED     prints events and bytes of one round
 */
import { ROUTES } from '../src/dialects/routes.ts';
import { createScanOutput } from '../src/scan/contract.ts';
import { createNativeScanner, nativeKernel } from '../src/scan/native.ts';
import { createReferenceScanner } from '../src/scan/reference/scanner.ts';
import { createUuidSource } from '../src/scan/uuid.ts';
import { type CorpusSize, createCorpus, createRandom } from './corpus.ts';
import { createSlab, resetVerdicts } from './scan-fixture.ts';

const [name, size, rounds, seedText] = process.argv.slice(2);
const seed = Number(seedText);
const EVENTS_PER_BODY = 100;
const SLAB_BODY_BYTES = 200_000;

const corpus = createCorpus(seed, size as CorpusSize);
const bodies: Buffer[] = [];
let bytes = 0;
while (bytes < SLAB_BODY_BYTES) {
  const body = corpus.array(EVENTS_PER_BODY);
  bodies.push(body);
  bytes += body.length;
}
const setup = {
  programs: ROUTES.map(({ program }) => program),
  apps: ['', 'shop'],
  batchEventsMax: 1000,
  ids: createUuidSource(createRandom(seed)),
};
const scanner = name === 'native' ? createNativeScanner(setup) : createReferenceScanner(setup);
if (scanner === undefined) throw new Error('the native scanner is not built; run node scripts/native.mjs');
const userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15';
const frames = bodies.map((body) => ({ body, address: [203, 0, 113, 7], userAgent, app: 1 }));
const slab = createSlab(frames, Date.UTC(2025, 5, 9));
const output = createScanOutput();
for (let round = 0; round < Number(rounds); round++) {
  resetVerdicts(slab.words);
  scanner.scan(slab.job(), output);
  if (output.recordCount !== bodies.length * EVENTS_PER_BODY) throw new Error('an event was not accepted');
}
console.log(JSON.stringify({ events: output.recordCount, bytes, kernel: nativeKernel() }));

/**
 * Lines of the fuzzer's frames through the block encoder, whole and damaged, without an engine: every sound line must be
 * taken, the same lines must give the same bytes however they come, and damage must end in an error or in a row. Under
 * AddressSanitizer (scripts/native-sanitize.sh) it also shows that nothing is read or written out of bounds.
 *
 *   node dist/test/fuzz/native-blocks.js --cases N --seed N
 */
import { parseArgs } from 'node:util';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab } from '../../bench/scan-fixture.ts';
import { createScanOutput } from '../../src/scan/contract.ts';
import { createNativeScanner } from '../../src/scan/native.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { createNativeBlockEncoder, type NativeBlockEncoder } from '../../src/sinks/native-block.ts';
import { JSON_FORMS } from '../../src/sinks/native-block-setup.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { createFrameSource, damage } from './scan-cases.ts';

const { values } = parseArgs({
  options: { cases: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
});
const random = createRandom(Number(values.seed));
const nextFrame = createFrameSource(random);
const setup = { programs: PROGRAMS, apps: APPS, batchEventsMax: 1000, ids: createUuidSource(random) };
const scanner = createNativeScanner(setup);
if (scanner === undefined) throw new Error('the addon is not built');
const encoders = JSON_FORMS.map((jsonForm) => {
  // Small bounds: blocks end and begin often, and paths that are not used are forgotten.
  const made = createNativeBlockEncoder({ jsonForm, bytesMax: 200_000, rowsMax: 3000 });
  if (made === undefined) throw new Error('the addon has a scanner and no encoder');
  return made;
});
const output = createScanOutput();
const counts = { cases: 0, rows: 0, textRows: 0, damagedTaken: 0, damagedRefused: 0, blocks: 0 };

while (counts.cases < Number(values.cases)) {
  const frames = Array.from({ length: 1 + (random() % 20) }, nextFrame);
  counts.cases += frames.length;
  scanner.scan(createSlab(frames, BASE_TIME_MS).job(), output);
  const lines = Buffer.from(output.lines.subarray(0, output.lineBytes));
  for (const encoder of encoders) {
    appendSound(encoder, lines);
    if (encoder.isFull() || random() % 50 === 0) takeBoth(encoder);
    const bad = damage(random, Buffer.from(lines));
    // A copy of its own length, so that a read behind it is a read out of bounds.
    const exact = Buffer.from(Uint8Array.from(bad).buffer);
    if (exact.length > 0 && encoder.append(exact) === exact.length) counts.damagedTaken++;
    else counts.damagedRefused++;
    if (encoder.isFull()) takeBoth(encoder);
  }
}
console.log(JSON.stringify({ seed: Number(values.seed), ...counts }));

/** Line by line or at once, as chance has it. */
function appendSound(encoder: NativeBlockEncoder, lines: Buffer): void {
  const isWhole = random() % 2 === 0;
  for (let at = 0; at < lines.length; ) {
    const end = isWhole ? lines.length : lines.indexOf(0x0a, at) + 1;
    const span = Buffer.from(Uint8Array.from(lines.subarray(at, end)).buffer);
    const taken = encoder.append(span);
    at += taken;
    if (taken === span.length) continue;
    if (!encoder.isFull())
      throw new Error(`a sound line is not taken: ${lines.toString('utf8', at, at + 500)}`);
    takeBoth(encoder);
  }
}

function takeBoth(encoder: NativeBlockEncoder): void {
  counts.rows += encoder.rows();
  counts.textRows += encoder.textRows();
  counts.blocks++;
  encoder.take(() => Buffer.allocUnsafeSlow(1000 + (random() % 100_000)));
}

/**
 * What it costs to get a WebSocket message of 434 bytes into a slab, to read the clock, and to look for a text in an event of
 * Segment's shape, in nanoseconds of CPU time: by the addon, and by the ways there are without it. They take turns; the median of
 * several turns counts.
 *
 *   npm run build && node dist/bench/copy.js
 */
import { systemClock } from '../src/clock.ts';
import { copierInto } from '../src/slab/copy.ts';
import { createTextSearch } from '../src/unwrap/text-search.ts';
import { createCorpus } from './corpus.ts';
import { toSegmentBatch } from './segment-events.ts';
import { median } from './statistics.ts';

const MESSAGE_BYTES = 434;
const TURNS = 9;
const CALLS = 500_000;

const slab = Buffer.from(new SharedArrayBuffer(1024 * 1024));
const message = new ArrayBuffer(MESSAGE_BYTES);
const [native, fill] = [copierInto(slab), copierInto(slab, null)];
/** An event without a page, as servers send it. */
const event = toSegmentBatch(createCorpus(1, 'medium').events(1));
const [search, includes] = [createTextSearch('page"'), createTextSearch('page"', null)];
const ways: readonly (readonly [name: string, once: (offset: number) => unknown])[] = [
  ['addon (fill where it is not built)', (offset) => native(message, offset)],
  ['view, Buffer.fill', (offset) => fill(message, offset)],
  ['view, TypedArray.set', (offset) => slab.set(new Uint8Array(message), offset)],
  ['view alone', () => new Uint8Array(message)],
  ['clock', () => systemClock.nowMs()],
  ['text, addon (includes where not built)', () => search(event)],
  ['text, Buffer.includes', () => includes(event)],
];
const costs = ways.map((): number[] => []);
for (let turn = 0; turn <= TURNS; turn++) {
  for (const [index, [, once]] of ways.entries()) {
    const started = process.cpuUsage();
    for (let call = 0, offset = 0; call < CALLS; call++) {
      once(offset);
      offset = (offset + MESSAGE_BYTES) % (slab.length - MESSAGE_BYTES);
    }
    const used = process.cpuUsage(started);
    // The first turn warms up.
    if (turn > 0) costs[index]?.push(((used.user + used.system) * 1000) / CALLS);
  }
}
for (const [index, [name]] of ways.entries()) {
  console.log(
    `${name.padEnd(40)} ${median(costs[index] ?? [])
      .toFixed(0)
      .padStart(5)} ns`,
  );
}

/**
 * A slab of what small frames cannot reach: lines over the bound of a slab, an event with too many keys, events longer
 * than a piece of the native scanner's index and than all of it. One of them costs as much as thousands of frames.
 */
import { ENVELOPE_FIELDS_BYTES_MAX, EVENT_KEYS_MAX, LINES_BYTES_MAX } from '../../src/limits.ts';
import { PROGRAMS } from '../scan/harness.ts';
import { damage } from './scan-cases.ts';
import type { FuzzFrame } from './scan-compare.ts';
import type { Random } from './scan-words.ts';

/** Events of one batch in these slabs. */
export const HEAVY_EVENTS_MAX = 1000;

const EVENT = '{"event_type":"t","app_id":"a","user_id":"u"}';

/** Frames of one slab: first those whose lines fill it, then long events, which from some place on are overloaded. */
export function createHeavySlab(random: Random): FuzzFrame[] {
  const long = longEvents(random);
  // Before the bound, so that they are scanned, and on every route: what one accepts is another's refusal, and a run of
  // 100,000 cases has two of these slabs, too few to leave the route to luck. Once more, damaged, behind the bound.
  const frames: FuzzFrame[] = PROGRAMS.flatMap((_program, route) =>
    long.map((body) => ({ body: Buffer.from(body), route })),
  );
  frames.push({ body: Buffer.from(long[2] ?? ''), shape: 'envelope' });
  for (let lineBytes = 0; lineBytes < LINES_BYTES_MAX + 2 * HEAVY_EVENTS_MAX * ENVELOPE_FIELDS_BYTES_MAX; ) {
    const fieldBytes = 2000 + (random() % 2000);
    const count = HEAVY_EVENTS_MAX - (random() % 100);
    const events = Array(count).fill(EVENT).join();
    frames.push({
      body: Buffer.from(`{"field":"${'f'.repeat(fieldBytes)}","events":[${events}]}`),
      shape: 'envelope',
      isInArena: random() % 2 === 0,
    });
    lineBytes += count * fieldBytes;
  }
  frames.push(
    ...long.map((body) => ({ body: damage(random, Buffer.from(body)), route: random() % PROGRAMS.length })),
  );
  return frames;
}

function longEvents(random: Random): string[] {
  const keys = (count: number) => Array.from({ length: count }, (_none, index) => `"k${index}":0`).join();
  const withField = (value: string) => `${EVENT.slice(0, -1)},"event_data":{"v":${value}}}`;
  const around = (length: number) => length - 200 + (random() % 400);
  return [
    withField(`{${keys(EVENT_KEYS_MAX - 5)}}`),
    withField(`{${keys(EVENT_KEYS_MAX - 4 + (random() % 3))}}`),
    `{"events":[${EVENT}],${keys(EVENT_KEYS_MAX)}}`,
    withField(`"${'x'.repeat(around(32 * 1024))}"`),
    withField(`[${'1,'.repeat(around(16 * 1024))}0]`),
    withField(`"${'\\n'.repeat(around(128 * 1024))}"`),
    `[${withField(`"${'é'.repeat(around(140 * 1024))}"`)},{"a":tru},${EVENT}]`,
  ];
}

/**
 * Damaged segments through the real process. A journal that nobody has delivered is flipped at one bit, or cut off, at a
 * place by chance, and a server is started on it: every event outside of the damaged chunk arrives once, and the damage is
 * said. Of a cut the chunks behind it are gone too; whoever cuts a file takes them.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bodyBytes,
  CHUNK_HEADER_BYTES,
  decodeChunkHeader,
  headerSeed,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
} from '../../src/journal/format.ts';
import { isFilledUp } from '../../src/journal/segment.ts';
import { createRandom } from '../corpus.ts';
import { freePort } from '../free-port.ts';
import { Appliance, signalProcess } from './appliance.ts';
import { withCleanup } from './cleanup.ts';
import { NUMBER_DIGITS, NumberedBody } from './client/body.ts';
import type { Provable } from './proof.ts';
import type { RunOptions } from './run-fault.ts';

const BATCHES = 12;
const EVENTS_PER_BATCH = 20;
const EVENTS = BATCHES * EVENTS_PER_BATCH;
const SEGMENT_FOLDER = 'journal/0/events';
const CONFIG = { workers: 1, log: { level: 'info' } };
const DELIVERED_MS_MAX = 30_000;

/** A chunk of the undamaged file: its bytes, and the numbers of its events. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/** What of the file is to be damaged. */
interface Damage {
  readonly kind: 'flip' | 'cut';
  readonly offset: number;
  readonly bit: number;
}

export const proveDamage: Provable = {
  name: 'journal-damage',
  title: 'a flipped bit in the journal, or its end torn off',
  times: { short: 3, default: 60, long: 1_000 },
  async run(options) {
    const startedAt = performance.now();
    const times = options.times ?? this.times[options.extent];
    const run = new DamageRun(options);
    await withCleanup(
      () => run.clear(),
      async () => {
        try {
          await run.makeJournal();
          for (let n = 0; n < times; n++) {
            options.progress(`${this.name}: start ${n + 1} of ${times}`);
            await run.damageAndStart();
          }
        } catch (error) {
          run.problems.push(error instanceof Error ? error.message : String(error));
        }
      },
    );
    const { lost, duplicated, acknowledged, damaged, problems, struck } = run;
    return {
      name: this.name,
      title: this.title,
      status: problems.length > 0 ? 'failed' : 'passed',
      note: `${damaged} events stood in what was damaged`,
      seed: options.seed,
      times: struck,
      strikeMs: 0,
      eventsPerSecond: 0,
      acknowledged,
      lost,
      duplicated,
      resent: 0,
      p99Ms: undefined,
      recoveryMs: undefined,
      caughtUpMs: undefined,
      waitingRowsMax: EVENTS,
      residentMiBMax: 0,
      refusals: {},
      problems,
      seconds: (performance.now() - startedAt) / 1000,
    };
  },
};

class DamageRun {
  acknowledged = 0;
  lost = 0;
  duplicated = 0;
  damaged = 0;
  struck = 0;
  readonly problems: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'penstock-prove-'));
  readonly #template = join(this.#folder, 'template');
  readonly #random: () => number;
  readonly #prefix: string;
  #appliance: Appliance | undefined;

  constructor({ seed }: RunOptions) {
    const next = createRandom(seed);
    this.#random = () => next() / 2 ** 32;
    this.#prefix = `d${seed}`;
  }

  /** A data directory whose journal holds batches in chunks of their own, of which the store has none. */
  async makeJournal(): Promise<void> {
    const appliance = await this.#start('first');
    await appliance.ready();
    const store = appliance.storePid();
    if (store === undefined) throw new Error('no store process');
    signalProcess(store, 'SIGSTOP');
    const body = new NumberedBody(this.#prefix, 0, EVENTS_PER_BATCH);
    for (let batch = 0; batch < BATCHES; batch++) {
      body.write(batch * EVENTS_PER_BATCH);
      const answer = await fetch(`${appliance.url}/v1/events/batch`, { method: 'POST', body: body.bytes });
      if (answer.status !== 200) throw new Error(`a batch was answered ${answer.status}`);
    }
    // Stopped, it cannot see that its parent is gone.
    signalProcess(store, 'SIGKILL');
    await appliance.kill();
    // Blocks on their way to the store would bring back what the journal lost.
    rmSync(join(appliance.dataDir, 'store/spool'), { recursive: true });
    cpSync(appliance.dataDir, this.#template, { recursive: true, filter: isNoSocket });
  }

  async damageAndStart(): Promise<void> {
    const folder = join(this.#folder, 'round');
    rmSync(folder, { recursive: true, force: true });
    cpSync(this.#template, join(folder, 'data'), { recursive: true });
    const segments = join(folder, 'data', SEGMENT_FOLDER);
    const name = readdirSync(segments).find((candidate) => candidate.endsWith('.seg')) ?? '';
    const bytes = readFileSync(join(segments, name));
    const places = placesOf(bytes, name);
    const damage: Damage = {
      kind: this.#random() < 0.75 ? 'flip' : 'cut',
      offset: Math.floor(this.#random() * bytes.length),
      bit: Math.floor(this.#random() * 8),
    };
    writeFileSync(join(segments, name), applied(bytes, damage));
    const expected = survivors(places, damage);
    const appliance = await this.#start('round');
    await appliance.ready();
    // Its answer tells that the one worker has opened its journal.
    const marker = { event_id: 'marker', event_type: 'marker', app_id: 'prove', device_id: 'd' };
    await fetch(`${appliance.url}/v1/events`, { method: 'POST', body: JSON.stringify(marker) });
    if (!(await appliance.delivered(DELIVERED_MS_MAX))) this.#problem(damage, 'not everything is delivered');
    const rows = await appliance.query(
      `SELECT toUInt32(right(event_id, ${NUMBER_DIGITS})) AS n FROM events WHERE startsWith(event_id, '${this.#prefix}-')`,
    );
    const said = appliance.logs.some(({ msg }) => msg.startsWith('the journal was damaged'));
    await appliance.kill();
    const found = new Set(rows.map(({ n }) => Number(n)));
    const missing = expected.filter((n) => !found.has(n));
    this.struck += 1;
    this.acknowledged += EVENTS;
    this.damaged += EVENTS - expected.length;
    this.lost += missing.length;
    this.duplicated += rows.length - found.size;
    if (missing.length > 0)
      this.#problem(damage, `${missing.length} events outside of it are missing, the first is ${missing[0]}`);
    if (rows.length > found.size) this.#problem(damage, `${rows.length - found.size} events stand twice`);
    // A cut between two chunks leaves a sound file.
    const isSeen =
      damage.kind === 'flip' ||
      !places.some(({ start, end }) => damage.offset === start || damage.offset === end);
    if (isSeen && found.size < EVENTS && !said) this.#problem(damage, 'nothing was said of it');
  }

  async clear(): Promise<void> {
    await this.#appliance?.kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async #start(name: string): Promise<Appliance> {
    const appliance = new Appliance({
      folder: join(this.#folder, name),
      port: await freePort(),
      config: CONFIG,
      env: {},
    });
    this.#appliance = appliance;
    await appliance.start();
    return appliance;
  }

  #problem({ kind, offset, bit }: Damage, text: string): void {
    this.problems.push(`${kind} at byte ${offset}${kind === 'flip' ? `, bit ${bit}` : ''}: ${text}`);
  }
}

/** Sockets cannot be copied, and the next start makes its own. */
function isNoSocket(path: string): boolean {
  return !/\/(lock|store\.sock)[^/]*$/.test(path);
}

function placesOf(bytes: Buffer, name: string): Place[] {
  const header = parseSegmentName(name);
  if (header === undefined) throw new Error(`${name} is no segment`);
  const seed = headerSeed(header);
  const places: Place[] = [];
  for (let start = SEGMENT_HEADER_BYTES; start < bytes.length; ) {
    // What fills the last block of a direct write up.
    if (isFilledUp(bytes, start)) break;
    const chunk = decodeChunkHeader(bytes, start, seed);
    if (chunk === undefined) throw new Error(`no chunk at byte ${start} of an undamaged segment`);
    const end = start + CHUNK_HEADER_BYTES + bodyBytes(chunk);
    places.push({ start, end, first: chunk.firstRow, last: chunk.firstRow + chunk.rows - 1 });
    start = end;
  }
  return places;
}

function applied(bytes: Buffer, { kind, offset, bit }: Damage): Buffer {
  if (kind === 'cut') return bytes.subarray(0, offset);
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ (1 << bit), offset);
  return copy;
}

/** Numbers of the events in chunks that the damage leaves whole. */
function survivors(places: readonly Place[], { kind, offset }: Damage): number[] {
  const whole = places.filter(({ start, end }) =>
    kind === 'cut' ? end <= offset : offset < start || offset >= end,
  );
  return whole.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
}

// Hot path: a few additions a frame.
/**
 * Frames and events by app, dialect and transport, and rejected events by app and code, counted slab by slab into the
 * row of a thread (statistics.ts). A slab is counted twice: what was received when it is scanned, and what became of it
 * when that is certain, which is after a sync where answers wait for the disk. Between the two its events are in flight.
 *
 * Cardinality is bounded: of the configured apps the first METRIC_APPS_MAX have a label of their own, the others are
 * `other`; in open mode, where clients name the app, all are `open`; frames whose key was not found are `unknown`. A cell
 * is shown once it was used.
 */
import { assert } from '../assert.ts';
import { TRANSPORTS } from '../event.ts';
import { METRIC_APPS_MAX } from '../limits.ts';
import { REASONS, ReasonNumber } from '../outcome.ts';
import { ERROR_WORDS, ErrorWord, type ScanOutput } from '../scan/contract.ts';
import { APP_IN_BODY, FRAME_WORDS, FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';
import { type ThreadStatistics, TRAFFIC_START } from './statistics.ts';
import { TRAFFIC_COUNTERS, type TrafficKey } from './statistics-names.ts';

const CELL_WORDS = TRAFFIC_COUNTERS.length;
const At = Object.fromEntries(TRAFFIC_COUNTERS.map(({ key }, index) => [key, index])) as Record<
  TrafficKey,
  number
>;

/** The labels that cells have; the same in every thread. */
export interface TrafficLabels {
  readonly apps: readonly string[];
  /** By an app's index in the configuration, its place in `apps`; an index beyond is `other`. */
  readonly appPlaces: Uint32Array;
  /** Places of the apps of the configuration that have a label of their own, or of open mode. */
  readonly ownApps: ReadonlySet<number>;
  readonly dialects: readonly string[];
  /** By a frame's route. */
  readonly dialectPlaces: Uint32Array;
}

/** The labels for apps by their index (0 is open mode) and for routes by their dialect. */
export function trafficLabels(appNames: readonly string[], routeDialects: readonly string[]): TrafficLabels {
  const own = appNames.slice(1, METRIC_APPS_MAX + 1);
  const apps = [...new Set(['open', ...own, 'other', 'unknown'])];
  const places = appNames.map((name, index) =>
    apps.indexOf(index === 0 ? 'open' : index <= METRIC_APPS_MAX ? name : 'other'),
  );
  const dialects = [...new Set(routeDialects)];
  return {
    apps,
    appPlaces: Uint32Array.from(places),
    ownApps: new Set(own.length === 0 ? [apps.indexOf('open')] : own.map((name) => apps.indexOf(name))),
    dialects,
    dialectPlaces: Uint32Array.from(routeDialects, (name) => dialects.indexOf(name)),
  };
}

/** Words that traffic takes of a row. */
export function trafficWords({ apps, dialects }: TrafficLabels): number {
  return apps.length * (dialects.length * TRANSPORTS.length * CELL_WORDS + REASONS.length);
}

/** What of a slab is in flight. */
export interface SlabReceipt {
  readonly events: number;
  /** A place among the rejections for each event that the scan rejected, frames refused whole not counted. */
  readonly rejections: Uint32Array;
}

const NO_REJECTIONS = new Uint32Array(0);

/** Counts the slabs of one thread. */
export class TrafficCounter {
  readonly #statistics: ThreadStatistics;
  readonly #labels: TrafficLabels;
  readonly #unknownApp: number;
  readonly #otherApp: number;
  readonly #rejectionsStart: number;

  constructor(statistics: ThreadStatistics, labels: TrafficLabels) {
    assert(statistics.words.length === TRAFFIC_START + trafficWords(labels), 'a row has room for its labels');
    this.#statistics = statistics;
    this.#labels = labels;
    this.#unknownApp = labels.apps.indexOf('unknown');
    this.#otherApp = labels.apps.indexOf('other');
    this.#rejectionsStart = rejectionsStart(labels);
  }

  /** Counts what the scan found in a slab, before repeats are taken out; `settled` must follow. */
  received(words: Uint32Array, output: ScanOutput): SlabReceipt {
    const rejections = output.errorCount === 0 ? NO_REJECTIONS : this.#rejectionsOf(words, output);
    const statistics = this.#statistics;
    const counts = statistics.words;
    const frameCount = words[HeaderWord.frameCount]!;
    let events = 0;
    statistics.begin();
    for (let frame = 0; frame < frameCount; ) {
      const first = frameRow(frame);
      const end = endOfAlike(words, frame, frameCount);
      let bytes = 0;
      let found = 0;
      for (let row = first; row < frameRow(end); row += FRAME_WORDS) {
        bytes += words[row + FrameWord.bodyLength]!;
        found +=
          words[row + FrameWord.reason] === 0
            ? words[row + FrameWord.accepted]! + words[row + FrameWord.rejected]!
            : 1;
      }
      const cell = this.#cellOf(words, first);
      counts[cell + At.frames]! += end - frame;
      counts[cell + At.bytes]! += bytes;
      counts[cell + At.received]! += found;
      events += found;
      frame = end;
    }
    statistics.add('eventsInFlight', events);
    statistics.end();
    return { events, rejections };
  }

  /**
   * Counts what became of a slab's events; `isKept` is false when the journal has none of them. Within a group of the
   * caller's.
   */
  settled(words: Uint32Array, { events, rejections }: SlabReceipt, isKept: boolean): void {
    const counts = this.#statistics.words;
    const frameCount = words[HeaderWord.frameCount]!;
    for (let frame = 0; frame < frameCount; ) {
      const first = frameRow(frame);
      const end = endOfAlike(words, frame, frameCount);
      let accepted = 0;
      let rejected = 0;
      let duplicates = 0;
      let refused = 0;
      for (let row = first; row < frameRow(end); row += FRAME_WORDS) {
        const reason = words[row + FrameWord.reason]!;
        if (reason === 0) {
          accepted += words[row + FrameWord.accepted]!;
          rejected += words[row + FrameWord.rejected]!;
          duplicates += words[row + FrameWord.duplicates]!;
        } else {
          refused += 1;
          counts[this.#rejectionAt(words, row, reason)]! += 1;
        }
      }
      const cell = this.#cellOf(words, first);
      if (isKept) {
        counts[cell + At.accepted]! += accepted;
        counts[cell + At.rejected]! += rejected + refused;
        counts[cell + At.duplicate]! += duplicates;
      } else {
        const lost = accepted + rejected + duplicates;
        counts[cell + At.rejected]! += lost + refused;
        counts[this.#rejectionAt(words, first, ReasonNumber.overloaded)]! += lost;
      }
      frame = end;
    }
    if (isKept) for (let index = 0; index < rejections.length; index++) counts[rejections[index]!]! += 1;
    this.#statistics.add('eventsInFlight', -events);
  }

  #cellOf(words: Uint32Array, row: number): number {
    const dialect = this.#labels.dialectPlaces[words[row + FrameWord.route]!]!;
    return cellAt(this.#labels, this.#appOf(words, row), dialect, words[row + FrameWord.transport]!);
  }

  #appOf(words: Uint32Array, row: number): number {
    const { appPlaces } = this.#labels;
    const app = words[row + FrameWord.app]!;
    if (app < appPlaces.length) return appPlaces[app]!;
    return app === APP_IN_BODY ? this.#unknownApp : this.#otherApp;
  }

  #rejectionAt(words: Uint32Array, row: number, reason: number): number {
    return this.#rejectionsStart + this.#appOf(words, row) * REASONS.length + reason;
  }

  #rejectionsOf(words: Uint32Array, { errors, errorCount }: ScanOutput): Uint32Array {
    const places = new Uint32Array(errorCount);
    let count = 0;
    for (let error = 0; error < errorCount; error++) {
      const at = error * ERROR_WORDS;
      const row = frameRow(errors[at + ErrorWord.frame]!);
      // A frame refused whole has a row of its own, and is counted by its reason.
      if (words[row + FrameWord.reason] !== 0) continue;
      places[count++] = this.#rejectionAt(words, row, errors[at + ErrorWord.reason]!);
    }
    return places.subarray(0, count);
  }
}

/** The first frame behind `frame` that is of another app, route or transport: frames of one kind follow each other. */
function endOfAlike(words: Uint32Array, frame: number, frameCount: number): number {
  const first = frameRow(frame);
  const route = words[first + FrameWord.route];
  const app = words[first + FrameWord.app];
  const transport = words[first + FrameWord.transport];
  let end = frame + 1;
  while (end < frameCount) {
    const row = frameRow(end);
    const isAlike =
      words[row + FrameWord.route] === route &&
      words[row + FrameWord.app] === app &&
      words[row + FrameWord.transport] === transport;
    if (!isAlike) break;
    end += 1;
  }
  return end;
}

/**
 * The thread of the row died: its events in flight are rejected as `worker_lost`, which is what their clients hear. The
 * caller is the row's writer now.
 */
export function settleDeadThread(statistics: ThreadStatistics, labels: TrafficLabels): void {
  statistics.takeOver();
  statistics.begin();
  const counts = statistics.words;
  eachCell(labels, (cell, app) => {
    const settled = counts[cell + At.accepted]! + counts[cell + At.rejected]! + counts[cell + At.duplicate]!;
    const lost = counts[cell + At.received]! - settled;
    counts[cell + At.rejected]! += lost;
    counts[rejectionsStart(labels) + app * REASONS.length + ReasonNumber.worker_lost]! += lost;
  });
  statistics.set('eventsInFlight', 0);
  statistics.beat(0);
  statistics.end();
}

/** Calls `visit` with each cell's first word and the places of its labels. */
export function eachCell(
  labels: TrafficLabels,
  visit: (cell: number, app: number, dialect: number, transport: number) => void,
): void {
  for (let app = 0; app < labels.apps.length; app++)
    for (let dialect = 0; dialect < labels.dialects.length; dialect++)
      for (let transport = 0; transport < TRANSPORTS.length; transport++)
        visit(cellAt(labels, app, dialect, transport), app, dialect, transport);
}

/** The word of a count behind its cell's first. */
export function trafficWord(key: TrafficKey): number {
  return At[key];
}

/** The first word of rejected events by code: REASONS.length words an app. */
export function rejectionsStart({ apps, dialects }: TrafficLabels): number {
  return TRAFFIC_START + apps.length * dialects.length * TRANSPORTS.length * CELL_WORDS;
}

function cellAt({ dialects }: TrafficLabels, app: number, dialect: number, transport: number): number {
  return TRAFFIC_START + ((app * dialects.length + dialect) * TRANSPORTS.length + transport) * CELL_WORDS;
}

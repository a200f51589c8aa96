/**
 * Keeps segments that every sink has, so that they can be replayed: for `retentionMs` from their last chunk, and at
 * most `bytesMax` bytes of all lines together, the oldest given up first. What is kept counts against no other bound
 * and is given up when the disk is full.
 *
 * Time is the wall clock of the chunks' headers. A segment whose time is ahead of the clock, which was set back, counts
 * as of now; so it is kept for `retentionMs` and no longer.
 */
import type { Line } from './line.ts';
import type { Segment } from './segment.ts';
import { surveySegment } from './survey.ts';

export interface RetentionOptions {
  /** 0 keeps nothing. */
  readonly retentionMs: number;
  readonly bytesMax: number;
  readonly nowMs: () => number;
}

interface Kept {
  readonly line: Line;
  readonly segment: Segment;
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #lines: readonly Line[];
  readonly #openedAtMs: number;
  readonly #beingRead = new WeakSet<Segment>();

  constructor(options: RetentionOptions, lines: readonly Line[]) {
    this.#options = options;
    this.#lines = lines;
    this.#openedAtMs = options.nowMs();
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#lines.reduce((bytes, { retainedBytes }) => bytes + retainedBytes, 0);
  }

  /** Gives up what is too old or too much; to be called every now and then. Throws the disk's error. */
  sweep(): void {
    const { retentionMs, bytesMax, nowMs } = this.#options;
    if (retentionMs === 0) return;
    for (const line of this.#lines) noteTime(line.stream.segments, nowMs());
    for (let oldest = this.#oldest(); oldest !== undefined; oldest = this.#oldest()) {
      const ageMs = this.#ageMs(oldest);
      if (this.bytes <= bytesMax && (ageMs === undefined || ageMs <= retentionMs)) return;
      oldest.line.giveUp(oldest.segment);
    }
  }

  /** Makes room on the disk; false when there is nothing left to give up. Throws the disk's error. */
  makeRoom(): boolean {
    const oldest = this.#oldest();
    oldest?.line.giveUp(oldest.segment, true);
    return oldest !== undefined;
  }

  /** Of each line only the first segment can go. */
  #oldest(): Kept | undefined {
    let oldest: Kept | undefined;
    for (const line of this.#lines) {
      const segment = line.firstRetained();
      if (segment !== undefined && (oldest === undefined || timeOf(segment) < timeOf(oldest.segment)))
        oldest = { line, segment };
    }
    return oldest;
  }

  /** Undefined while it is not known. */
  #ageMs({ line, segment }: Kept): number | undefined {
    if (segment.lastTimeMs === undefined) {
      void this.#readTime(line, segment);
      return undefined;
    }
    return this.#options.nowMs() - segment.lastTimeMs;
  }

  /** Of segments that an earlier start wrote the time is not known; it is read when their turn comes. */
  async #readTime(line: Line, segment: Segment): Promise<void> {
    if (this.#beingRead.has(segment)) return;
    this.#beingRead.add(segment);
    try {
      const file = line.stream.openForReading(segment.name);
      try {
        // Without a sound chunk there is nothing to replay.
        const lastMs = (await surveySegment(file, segment)).times?.lastMs ?? 0;
        segment.lastTimeMs = Math.min(lastMs, this.#openedAtMs);
      } finally {
        file.close();
      }
    } catch {
      this.#beingRead.delete(segment);
    }
  }
}

/** Those whose time is not known are of earlier starts. */
function timeOf({ lastTimeMs = Number.NEGATIVE_INFINITY }: Segment): number {
  return lastTimeMs;
}

/** It is `nowMs`: no segment counts as later, whatever the clock said when it was written. */
function noteTime(segments: readonly Segment[], nowMs: number): void {
  for (const segment of segments) {
    if (segment.lastTimeMs !== undefined && segment.lastTimeMs > nowMs) segment.lastTimeMs = nowMs;
  }
}

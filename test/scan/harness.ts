/** Scans bodies as a worker does, and gives back what came of them as plain values. */
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { compileDialect, type Program } from '../../src/dialects/compile.ts';
import type { Dialect } from '../../src/dialects/dialect.ts';
import { penstock } from '../../src/dialects/penstock.ts';
import { REASONS, type Reason } from '../../src/outcome.ts';
import {
  type ClaimPrivacy,
  createScanOutput,
  ERROR_WORDS,
  ErrorWord,
  FIELD_NONE,
  RECORD_WORDS,
  RecordWord,
  type Scanner,
  type ScanOutput,
} from '../../src/scan/contract.ts';
import { createUuidSource, type UuidSource } from '../../src/scan/uuid.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { createBothScanners } from './both-scanners.ts';

export const BASE_TIME_MS = Date.UTC(2025, 5, 9, 12, 30, 15, 250);
export const RECEIVED_TEXT = '2025-06-09T12:30:15.250Z';
export const BATCH = 0;
export const SINGLE = 1;
/** A dialect with fallbacks, paths into objects and two envelope keys. */
export const NESTED = 2;
/** The same three programs with claims: events say their own address and user agent. */
export const CLAIMING_BATCH = 3;
export const CLAIMING_SINGLE = 4;
export const CLAIMING_NESTED = 5;
export const APPS = ['', 'shop', 'caf\u00e9 "x"'];

export const nestedDialect: Dialect = {
  name: 'nested',
  routes: [],
  envelopeKeys: ['batch', 'events'],
  columns: {
    event_id: ['messageId'],
    event_type: ['event', 'type'],
    app_id: ['app', 'context.app.name'],
    device_id: ['anonymousId', 'context.device.id'],
    user_id: ['userId'],
    timestamp: ['timestamp'],
    attribution: ['context.campaign'],
    event_data: ['properties'],
    context: ['context'],
  },
  claims: { ip: ['context.ip', 'ip'], user_agent: ['context.userAgent', 'user_agent'] },
  rest: 'context',
  required: ['event_type', ['device_id', 'user_id']],
};

export const PROGRAMS: readonly Program[] = [
  compileDialect(penstock, 'batch'),
  compileDialect(penstock, 'single'),
  compileDialect(nestedDialect, 'batch'),
  compileDialect(penstock, 'batch', {}, true),
  compileDialect(penstock, 'single', {}, true),
  compileDialect(nestedDialect, 'batch', {}, true),
];

export interface ErrorRow {
  readonly frame: number;
  readonly index: number;
  readonly reason: Reason;
  readonly field: string | undefined;
  readonly raw: string;
}

export interface FrameResult {
  readonly reason: Reason | undefined;
  readonly accepted: number;
  readonly rejected: number;
  readonly recordStart: number;
  readonly lines: readonly string[];
  readonly errors: readonly ErrorRow[];
}

export interface ScanResult {
  readonly frames: readonly FrameResult[];
  readonly lines: readonly string[];
  readonly errors: readonly ErrorRow[];
  readonly surrogatesReplaced: number;
  readonly output: ScanOutput;
}

export interface Bench {
  readonly scanner: Scanner;
  readonly output: ScanOutput;
  readonly ids: UuidSource;
  scan(frames: readonly FixtureFrame[]): ScanResult;
}

/** Both scanners, held to the same bytes, with an output that is used again and again. */
export function createBench(batchEventsMax = 1000, claimPrivacy?: ClaimPrivacy): Bench {
  const ids = createUuidSource(createRandom(7));
  const scanner = createBothScanners({ programs: PROGRAMS, apps: APPS, batchEventsMax, ids, claimPrivacy });
  const output = createScanOutput();
  return {
    scanner,
    output,
    ids,
    scan(frames) {
      const slab = createSlab(frames, BASE_TIME_MS);
      scanner.scan(slab.job(), output);
      return readResult(slab.words, frames, slab.bytes, output);
    },
  };
}

/** Reads verdicts, lines and errors of a scan whose bodies all stand in the slab. */
export function readResult(
  words: Uint32Array,
  frames: readonly FixtureFrame[],
  slab: Buffer,
  output: ScanOutput,
): ScanResult {
  const lines = Array.from({ length: output.recordCount }, (_none, index) => {
    const row = index * RECORD_WORDS;
    const start = output.records[row + RecordWord.lineOffset]!;
    return output.lines.toString('utf8', start, start + output.records[row + RecordWord.lineLength]!);
  });
  if (lines.join('') !== output.lines.toString('utf8', 0, output.lineBytes))
    throw new Error('records miss lines');
  const errors = Array.from({ length: output.errorCount }, (_none, index): ErrorRow => {
    const row = output.errors.subarray(index * ERROR_WORDS, (index + 1) * ERROR_WORDS);
    const frame = row[ErrorWord.frame]!;
    const program = PROGRAMS[words[frameRow(frame) + FrameWord.route]!]!;
    const field = row[ErrorWord.field]!;
    const offset = row[ErrorWord.offset]!;
    return {
      frame,
      index: row[ErrorWord.index]!,
      reason: REASONS[row[ErrorWord.reason]!]!,
      field: field === FIELD_NONE ? undefined : program.fields[field],
      raw: slab.toString('latin1', offset, offset + row[ErrorWord.length]!),
    };
  });
  const results = frames.map((_frame, index): FrameResult => {
    const row = frameRow(index);
    const reason = words[row + FrameWord.reason]!;
    const recordStart = words[row + FrameWord.recordStart]!;
    const accepted = words[row + FrameWord.accepted]!;
    return {
      reason: reason === 0 ? undefined : REASONS[reason],
      accepted,
      rejected: words[row + FrameWord.rejected]!,
      recordStart,
      lines: lines.slice(recordStart, recordStart + accepted),
      errors: errors.filter((error) => error.frame === index),
    };
  });
  return { frames: results, lines, errors, surrogatesReplaced: output.surrogatesReplaced, output };
}

const shared = createBench();

/** Scans one body alone. */
export function scanOne(body: Buffer | string, options: Omit<FixtureFrame, 'body'> = {}): FrameResult {
  return shared.scan([{ ...options, body }]).frames[0]!;
}

/** The one reason of a body with one event: of the frame when it is refused whole, else of its event. */
export function reasonOf(body: Buffer | string, options: Omit<FixtureFrame, 'body'> = {}): string {
  const result = scanOne(body, options);
  if (result.reason !== undefined) return `frame: ${result.reason}`;
  if (result.errors.length === 0) return 'accepted';
  return result.errors
    .map((error) => error.reason + (error.field === undefined ? '' : ` ${error.field}`))
    .join();
}

/** A minimal event with `fields` (raw JSON members) behind what is required. */
export function eventWith(fields: string): string {
  return `{"event_id":"e","event_type":"t","app_id":"a","device_id":"d"${fields === '' ? '' : `,${fields}`}}`;
}

/** The line of an accepted single event, without what the server adds behind it. */
export function lineOf(body: Buffer | string, options: Omit<FixtureFrame, 'body'> = {}): string {
  const result = scanOne(body, options);
  const line = result.lines[0];
  if (line === undefined) throw new Error(`not accepted: ${JSON.stringify(result)}`);
  return line;
}

/** The members of the line that the client's fields made: everything up to the server's columns. */
export function clientPart(line: string): string {
  return line.slice(0, line.lastIndexOf(',"received_at":'));
}

/** Scans bodies by a dialect's table, through both scanners, and reads captured requests of real SDKs. */
import { readFileSync } from 'node:fs';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { compileDialect } from '../../src/dialects/compile.ts';
import { type Dialect, Shape } from '../../src/dialects/dialect.ts';
import { penstock } from '../../src/dialects/penstock.ts';
import { REASONS } from '../../src/outcome.ts';
import {
  type ClaimPrivacy,
  createScanOutput,
  ERROR_WORDS,
  ErrorWord,
  FIELD_NONE,
  RECORD_WORDS,
  RecordWord,
} from '../../src/scan/contract.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { createBothScanners } from '../scan/both-scanners.ts';

export const RECEIVED_MS = Date.UTC(2025, 5, 9, 12, 30, 15, 250);

/** A time as lines have it. */
export const iso = (ms: number) => new Date(ms).toISOString();

export interface Options extends Omit<FixtureFrame, 'body' | 'route'> {
  readonly shape?: Shape;
  readonly defaults?: Readonly<Record<string, string>>;
  readonly receivedMs?: number;
  /** What is kept of an address and agent that events say of themselves; absent where they say none. */
  readonly claims?: ClaimPrivacy;
}

export interface Scanned {
  /** The reason for which the whole body is refused. */
  readonly reason: string | undefined;
  readonly lines: readonly string[];
  readonly events: readonly Record<string, unknown>[];
  /** By line: the hashes of its partition and of its id. */
  readonly hashes: readonly (readonly (number | undefined)[])[];
  readonly errors: readonly { readonly index: number; readonly reason: string; readonly field?: string }[];
}

/** What both scanners make of a body, which must be the same. App 0 is open mode, 1 is `shop`. */
export function scanBody(dialect: Dialect, body: unknown, options: Options = {}): Scanned {
  const { shape = Shape.batch, defaults = {}, receivedMs = RECEIVED_MS, claims, ...frame } = options;
  const program = compileDialect(dialect, shape, defaults, claims !== undefined);
  const scanner = createBothScanners({
    programs: [program],
    apps: ['', 'shop'],
    batchEventsMax: 1000,
    ids: createUuidSource(createRandom(7)),
    claimPrivacy: claims,
  });
  const slab = createSlab(
    [{ ...frame, body: typeof body === 'string' ? body : JSON.stringify(body) }],
    receivedMs,
  );
  const output = createScanOutput();
  scanner.scan(slab.job(), output);
  const text = output.lines.toString('utf8', 0, output.lineBytes);
  const lines = text === '' ? [] : text.slice(0, -1).split('\n');
  const reason = slab.words[frameRow(0) + FrameWord.reason] ?? 0;
  const errors = Array.from({ length: output.errorCount }, (_none, index) => {
    const row = output.errors.subarray(index * ERROR_WORDS, (index + 1) * ERROR_WORDS);
    const field = row[ErrorWord.field] ?? FIELD_NONE;
    return {
      index: row[ErrorWord.index] ?? -1,
      reason: REASONS[row[ErrorWord.reason] ?? 0] ?? '',
      ...(field !== FIELD_NONE && { field: program.fields[field] ?? '' }),
    };
  });
  return {
    reason: reason === 0 ? undefined : REASONS[reason],
    lines,
    hashes: lines.map((_line, index) =>
      [RecordWord.keyHash, RecordWord.idHashLow, RecordWord.idHashHigh].map(
        (word) => output.records[index * RECORD_WORDS + word],
      ),
    ),
    events: lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    errors,
  };
}

/** The one event of a body, as the line's object without what the server adds. */
export function scanEvent(dialect: Dialect, body: unknown, options: Options = {}): Record<string, unknown> {
  const scanned = scanBody(dialect, body, { shape: Shape.single, ...options });
  const [event] = scanned.events;
  if (event === undefined) throw new Error(`not accepted: ${JSON.stringify(scanned)}`);
  const { received_at: _received, dialect: _dialect, transport: _transport, ...rest } = event;
  return rest;
}

/** The text of the one line of a body, without what the server adds. */
export function lineOf(dialect: Dialect, body: unknown, options: Options = {}): string {
  const scanned = scanBody(dialect, body, { shape: Shape.single, ...options });
  const [line] = scanned.lines;
  if (line === undefined) throw new Error(`not accepted: ${JSON.stringify(scanned)}`);
  return line.slice(0, line.lastIndexOf(',"received_at":'));
}

/** An event with an id and a type, and `fields`. */
export const event = (fields: object) => ({ event_id: 'e', event_type: 't', ...fields });

/** Penstock's own table with changes: `columns` are laid over its columns, of which none is required but event_type. */
export function tableWith(changes: Partial<Dialect>): Dialect {
  return {
    ...penstock,
    name: 'probe',
    routes: [],
    required: ['event_type'],
    ...changes,
    columns: { ...penstock.columns, ...changes.columns },
  };
}

/**
 * A request that a real SDK sent, captured on the wire, its body decompressed and decoded; `canonical` is what a
 * reference normaliser of another hand made of its events.
 */
export interface SdkRequest {
  readonly id: string;
  readonly sdk: string;
  readonly path: string;
  readonly receivedAtMs: number;
  readonly body: unknown;
  readonly canonical: readonly Canonical[];
}

export interface Canonical {
  readonly [column: string]: unknown;
  readonly attribution: Readonly<Record<string, unknown>>;
  readonly event_data: Readonly<Record<string, unknown>>;
  readonly timestamp: string;
}

/** The captured requests of a family. */
export function readRequests(family: string): readonly SdkRequest[] {
  const file = new URL(`../fixtures/sdk/${family}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as SdkRequest[];
}

/**
 * What the generated cases reach of the contract (src/scan/contract.ts): reasons of frames and of events, faults by
 * column, shapes, columns of accepted lines, and what is rare. A generator that no longer reaches a feature proves
 * nothing about it, so the fuzzer fails when one stays at nought.
 */
import { CLIENT_COLUMNS, ColumnKind } from '../../src/event.ts';
import { REASONS } from '../../src/outcome.ts';
import {
  ERROR_WORDS,
  ErrorWord,
  FIELD_NONE,
  RECORD_WORDS,
  RecordWord,
  type ScanOutput,
} from '../../src/scan/contract.ts';
import { FrameWord, frameRow } from '../../src/slab/layout.ts';
import { APPS, PROGRAMS } from '../scan/harness.ts';
import type { FuzzFrame } from './scan-compare.ts';

/** Reasons for which an event is rejected alone, and for which a frame is refused whole. */
const EVENT_REASONS = [
  'invalid_json',
  'invalid_utf8',
  'trailing_bytes',
  'too_deep',
  'too_many_keys',
  'duplicate_key',
  'number_out_of_range',
  'not_an_object',
] as const;
const FRAME_REASONS = [
  ...EVENT_REASONS,
  'empty_body',
  'batch_too_large',
  'overloaded',
  'envelope_too_large',
  'invalid_compression',
  'body_too_large',
] as const;
const SHAPES = ['single', 'array', 'envelope', 'ndjson'] as const;
const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

/** Everything that must be reached, with how often it was. */
export type Coverage = Map<string, number>;

/** A coverage with every feature at nought. */
export function createCoverage(): Coverage {
  const text = CLIENT_COLUMNS.filter(({ kind }) => kind === ColumnKind.text);
  const features = [
    ...FRAME_REASONS.map((reason) => `frame ${reason}`),
    ...EVENT_REASONS.map((reason) => `event ${reason}`),
    ...['event_type', 'app_id', 'device_id'].map((name) => `missing_field ${name}`),
    ...CLIENT_COLUMNS.map(({ name }) => `invalid_type ${name}`),
    ...text.map(({ name }) => `invalid_length ${name}`),
    'invalid_timestamp timestamp',
    'timestamp_out_of_range timestamp',
    ...SHAPES.flatMap((shape) => [`${shape} accepted`, `${shape} mixed`, `${shape} refused`]),
    ...['batch of no events', 'byte order mark', 'body in the arena'],
    ...CLIENT_COLUMNS.map(({ name }) => `column ${name}`),
    ...['id made here', 'time of arrival', 'surrogates replaced', 'app of a key', 'app_id in the rest'],
    ...['rest renamed', 'ip v4', 'ip v6', 'user_agent', 'transport http', 'transport ws'],
    ...['ip of the event', 'agent of the event', 'ip of the event, agent of the connection'],
    ...['ip in the rest', 'ip that is not kept'],
    ...PROGRAMS.map(({ dialect, shape }) => `dialect ${dialect} ${shape}`),
    ...['line over 32 KiB', 'line over 256 KiB', 'lines over 32 MiB'],
  ];
  return new Map(features.map((feature) => [feature, 0]));
}

/** Counts what one scanned slab reached. Throws when an accepted line is no JSON: JSON.parse is a witness here. */
export function addCoverage(
  coverage: Coverage,
  frames: readonly FuzzFrame[],
  words: Uint32Array,
  output: ScanOutput,
): void {
  const hit = (feature: string, isHit = true) => {
    if (isHit) coverage.set(feature, (coverage.get(feature) ?? 0) + 1);
  };
  hit('surrogates replaced', output.surrogatesReplaced > 0);
  hit('lines over 32 MiB', output.lineBytes > 32 * 1024 * 1024);
  for (const [index, frame] of frames.entries()) addFrame(hit, frame, words, frameRow(index), output);
  for (let error = 0; error < output.errorCount; error++)
    addError(hit, words, output.errors, error * ERROR_WORDS);
}

type Hit = (feature: string, isHit?: boolean) => void;

function addFrame(hit: Hit, frame: FuzzFrame, words: Uint32Array, row: number, output: ScanOutput): void {
  const reason = words[row + FrameWord.reason]!;
  const accepted = words[row + FrameWord.accepted]!;
  const rejected = words[row + FrameWord.rejected]!;
  if (reason !== 0) hit(`frame ${REASONS[reason]}`);
  if (frame.shape !== undefined) {
    const outcome = reason !== 0 ? 'refused' : rejected > 0 ? 'mixed' : accepted > 0 ? 'accepted' : undefined;
    if (outcome !== undefined) hit(`${frame.shape} ${outcome}`);
  }
  const body = frame.body as Buffer;
  hit('batch of no events', reason === 0 && accepted + rejected === 0);
  hit('byte order mark', accepted > 0 && body[0] === 0xef && body[1] === 0xbb);
  hit('body in the arena', accepted > 0 && frame.isInArena === true);
  if (accepted > 0) {
    const program = PROGRAMS[frame.route ?? 0];
    hit(`dialect ${program?.dialect} ${program?.shape}`);
  }
  const first = words[row + FrameWord.recordStart]!;
  // The first and the last lines of a frame of a thousand say as much as all of them.
  for (let record = first; record < first + accepted; record++) {
    if (record < first + 4 || record === first + accepted - 1)
      addLine(hit, frame, output, record * RECORD_WORDS);
  }
}

function addLine(hit: Hit, frame: FuzzFrame, output: ScanOutput, row: number): void {
  const start = output.records[row + RecordWord.lineOffset]!;
  const length = output.records[row + RecordWord.lineLength]!;
  hit('line over 32 KiB', length > 32 * 1024);
  hit('line over 256 KiB', length > 256 * 1024);
  const line = JSON.parse(output.lines.toString('utf8', start, start + length)) as Record<string, unknown>;
  for (const { name } of CLIENT_COLUMNS) hit(`column ${name}`, name in line);
  hit('id made here', UUID_V7.test(String(line['event_id'])));
  hit('time of arrival', line['timestamp'] === line['received_at']);
  const context = (line['context'] ?? {}) as Record<string, unknown>;
  hit('app of a key', (frame.app ?? 0) > 0 && line['app_id'] === APPS[frame.app ?? 0]);
  hit('app_id in the rest', (frame.app ?? 0) > 0 && 'app_id' in context);
  hit(
    'rest renamed',
    Object.keys(context).some((key) => key.startsWith('_') && key.slice(1) in context),
  );
  const ip = line['ip'];
  if (typeof ip === 'string') hit(ip.includes(':') ? 'ip v6' : 'ip v4');
  hit('user_agent', 'user_agent' in line);
  const isOwnIp = frame.address === undefined && 'ip' in line;
  const isOwnAgent = frame.userAgent === undefined && 'user_agent' in line;
  hit('ip of the event', isOwnIp);
  hit('agent of the event', isOwnAgent);
  hit('ip of the event, agent of the connection', isOwnIp && !isOwnAgent && 'user_agent' in line);
  hit('ip in the rest', 'ip' in context);
  hit('ip that is not kept', frame.address?.length === 4 && !('ip' in line));
  hit(`transport ${line['transport']}`);
}

function addError(hit: Hit, words: Uint32Array, errors: Uint32Array, at: number): void {
  const row = frameRow(errors[at + ErrorWord.frame]!);
  // The row of a frame that is refused whole.
  if (words[row + FrameWord.reason] !== 0) return;
  const reason = REASONS[errors[at + ErrorWord.reason]!];
  const field = errors[at + ErrorWord.field]!;
  if (field === FIELD_NONE) {
    hit(`event ${reason}`);
    return;
  }
  const program = PROGRAMS[words[row + FrameWord.route]!];
  const column =
    program?.columns.findIndex(({ sources }) => sources.some(({ slot }) => slot === field)) ?? -1;
  hit(`${reason} ${CLIENT_COLUMNS[column]?.name}`);
}

/** Features that nothing reached. */
export function missingFeatures(coverage: Coverage): string[] {
  return [...coverage].filter(([, count]) => count === 0).map(([feature]) => feature);
}

/** The coverage as a table of three columns. */
export function formatCoverage(coverage: Coverage): string {
  const cells = [...coverage].map(([feature, count]) => `${String(count).padStart(7)} ${feature}`);
  const height = Math.ceil(cells.length / 3);
  return Array.from({ length: height }, (_none, row) =>
    [0, 1, 2]
      .map((column) => (cells[row + column * height] ?? '').padEnd(38))
      .join('')
      .trimEnd(),
  ).join('\n');
}

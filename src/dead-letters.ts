// Hot path: runs once a rejected event.
/**
 * Rejected events on their way to `events_rejected`: each error row of a scan with its raw bytes, its frame's
 * sender and its reason. Work per rejected event; a slab without any costs one comparison.
 */

import type { Route } from './dialects/routes.ts';
import { TRANSPORTS } from './event.ts';
import { DEAD_LETTERS_PER_FRAME_MAX } from './limits.ts';
import { REASONS, type Reason } from './outcome.ts';
import { ERROR_WORDS, ErrorWord, FIELD_NONE, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { ADDRESS_TEXT_BYTES_MAX, writeAddress } from './scan/reference/address.ts';
import {
  createRejectedBytes,
  encodeRejected,
  type GrowableBytes,
  type RejectedRow,
} from './sinks/rejected.ts';
import { FrameWord, frameRow } from './slab/layout.ts';

const addressText = Buffer.alloc(ADDRESS_TEXT_BYTES_MAX);

/**
 * Appends rows for the error rows of `output` to `target`. COPY of all bytes. Returns how many rows.
 *
 * What a client can make of it is bounded: the user agent stands in the first row of a frame only, and beyond
 * DEAD_LETTERS_PER_FRAME_MAX rejected events the rest of a frame is one row with the whole body. Without that,
 * 1,000 events of two bytes would become 600 KB.
 */
export function encodeDeadLetters(
  job: ScanJob,
  output: ScanOutput,
  routes: readonly Route[],
  apps: readonly string[],
  target: GrowableBytes,
): number {
  let rows = 0;
  let frame = -1;
  let frameRows = 0;
  for (let error = 0; error < output.errorCount; error++) {
    const at = error * ERROR_WORDS;
    const isFirst = output.errors[at + ErrorWord.frame] !== frame;
    frame = output.errors[at + ErrorWord.frame]!;
    frameRows = isFirst ? 1 : frameRows + 1;
    if (frameRows > DEAD_LETTERS_PER_FRAME_MAX + 1) continue;
    const letter = deadLetter(job, output, routes, apps, at);
    if (!isFirst) letter.userAgent = NOTHING;
    if (frameRows > DEAD_LETTERS_PER_FRAME_MAX) letter.raw = wholeBody(job, frame);
    encodeRejected(target, letter);
    rows += 1;
  }
  return rows;
}

/**
 * The row of an accepted event whose canonical line, newline included, a sink refused for its content. COPY.
 */
export function encodePoison(line: Buffer): Uint8Array {
  const raw = line.subarray(0, -1);
  const fields = JSON.parse(raw.toString('utf8')) as Record<string, string | undefined>;
  const target = createRejectedBytes();
  encodeRejected(target, {
    receivedAtMs: Date.parse(fields['received_at'] ?? ''),
    appId: fields['app_id'] ?? '',
    dialect: fields['dialect'] ?? '',
    transport: fields['transport'] ?? '',
    reason: 'refused_by_sink' satisfies Reason,
    field: '',
    index: 0,
    raw,
    ip: fields['ip'] ?? '',
    userAgent: Buffer.from(fields['user_agent'] ?? ''),
  });
  return target.bytes.subarray(0, target.length);
}

const NOTHING = new Uint8Array(0);

function wholeBody(job: ScanJob, frame: number): Uint8Array {
  const row = frameRow(frame);
  const start = job.words[row + FrameWord.bodyOffset]!;
  const source = job.sources[job.words[row + FrameWord.source] === 0 ? 0 : 1];
  return source.subarray(start, start + job.words[row + FrameWord.bodyLength]!);
}

function deadLetter(
  job: ScanJob,
  output: ScanOutput,
  routes: readonly Route[],
  apps: readonly string[],
  at: number,
): RejectedRow {
  const errors = output.errors;
  const row = frameRow(errors[at + ErrorWord.frame]!);
  const word = (index: number) => job.words[row + index]!;
  const { program } = routes[word(FrameWord.route)]!;
  const field = errors[at + ErrorWord.field]!;
  const rawStart = errors[at + ErrorWord.offset]!;
  const source = job.sources[errors[at + ErrorWord.source] === 0 ? 0 : 1];
  const agentStart = word(FrameWord.userAgentOffset);
  return {
    receivedAtMs: job.baseTimeMs + word(FrameWord.receivedDeltaMs),
    appId: apps[word(FrameWord.app)]!,
    dialect: program.dialect,
    transport: TRANSPORTS[word(FrameWord.transport)]!,
    reason: REASONS[errors[at + ErrorWord.reason]!]!,
    field: field === FIELD_NONE ? '' : program.fields[field]!,
    index: errors[at + ErrorWord.index]!,
    raw: source.subarray(rawStart, rawStart + errors[at + ErrorWord.length]!),
    ip: addressOf(job.sources[0], word(FrameWord.addressOffset), word(FrameWord.addressLength)),
    userAgent: job.sources[0].subarray(agentStart, agentStart + word(FrameWord.userAgentLength)),
  };
}

function addressOf(slab: Uint8Array, offset: number, length: number): string {
  if (length === 0) return '';
  return addressText.toString('latin1', 0, writeAddress(slab, offset, length, addressText, 0));
}

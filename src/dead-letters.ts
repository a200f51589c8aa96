// Hot path: runs once a rejected event.
/**
 * Rejected events on their way to `events_rejected`: each error row of a scan with its raw bytes, its frame's
 * sender and its reason. Work per rejected event; a slab without any costs one comparison.
 */

import type { Route } from './dialects/routes.ts';
import { TRANSPORTS } from './event.ts';
import { REASONS } from './outcome.ts';
import { ERROR_WORDS, ErrorWord, FIELD_NONE, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { ADDRESS_TEXT_BYTES_MAX, writeAddress } from './scan/reference/address.ts';
import { encodeRejected, type GrowableBytes, type RejectedRow } from './sinks/rejected.ts';
import { FrameWord, frameRow } from './slab/layout.ts';

const addressText = Buffer.alloc(ADDRESS_TEXT_BYTES_MAX);

/** Appends a row for every error row of `output` to `target`. COPY of all bytes. */
export function encodeDeadLetters(
  job: ScanJob,
  output: ScanOutput,
  routes: readonly Route[],
  apps: readonly string[],
  target: GrowableBytes,
): void {
  for (let error = 0; error < output.errorCount; error++) {
    encodeRejected(target, deadLetter(job, output, routes, apps, error * ERROR_WORDS));
  }
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

// Hot path: work per frame in the worker.
/**
 * The words that a worker sends back for each frame, written in the worker so that the front only hands bytes to
 * sockets. Layout: a table of offset and length a frame, then the bytes (slab/slab.ts, Replies).
 *
 *   HTTP frame, not refused whole      the body of the answer, status as replyStatus says
 *   WebSocket frame with rejections    JSON array of {index, code, field?, message}
 *   HTTP frame of a dialect whose      `,"name":{"field":[index…]}` for the members of its `partial`
 *     answers name rejected events
 *   any other                          nothing: verdict words and outcome.ts say all, or the route's own answers
 *
 * Work here is per frame and per rejected event that an answer names, never per accepted event.
 */

import { Shape } from '../dialects/dialect.ts';
import type { Route } from '../dialects/routes.ts';
import { Transport } from '../event.ts';
import { ERRORS_PER_ANSWER_MAX } from '../limits.ts';
import { REASONS, type Reason } from '../outcome.ts';
import { messageFor, problem } from '../problem.ts';
import {
  ERROR_WORDS,
  ErrorWord,
  FIELD_NONE,
  RECORD_WORDS,
  RecordWord,
  type ScanOutput,
} from '../scan/contract.ts';
import { FrameWord, frameRow, HeaderWord } from '../slab/layout.ts';
import type { Replies } from '../slab/slab.ts';

/** One rejected event in an answer. */
export interface EventError {
  readonly index: number;
  readonly code: Reason;
  readonly field?: string;
  readonly message: string;
}

const SINGLE_HEAD = Buffer.from('{"status":"accepted","event_id":"');
const SINGLE_TAIL = Buffer.from('"}');
const REPEAT_TAIL = Buffer.from('","duplicate":true}');
/** Every canonical line starts with this (scan/contract.ts), then the id, then a quote. */
const LINE_HEAD_BYTES = '{"event_id":"'.length;
const QUOTE = 0x22;
/** Most bytes of a fully accepted answer: heads, tails and an id of 128 bytes, each escaped as \u00xx. */
const ACCEPTED_REPLY_BYTES_MAX = 1024;

/** HTTP status of a frame that was not refused whole: 400 when none of its events is kept, now or before. */
export function replyStatus(accepted: number, rejected: number, duplicates: number): 200 | 400 {
  return accepted === 0 && duplicates === 0 && rejected > 0 ? 400 : 200;
}

/** Answers of all frames of a scanned slab. The result shares no memory with `output`, so it can be moved. */
export function renderReplies(words: Uint32Array, output: ScanOutput, routes: readonly Route[]): Replies {
  const frameCount = words[HeaderWord.frameCount]!;
  const writer = new ReplyWriter(frameCount);
  let error = 0;
  for (let frame = 0; frame < frameCount; frame++) {
    const row = frameRow(frame);
    const errorStart = error;
    while (error < output.errorCount && output.errors[error * ERROR_WORDS + ErrorWord.frame] === frame)
      error++;
    if (words[row + FrameWord.reason] !== 0) continue;
    const http = words[row + FrameWord.transport] === Transport.http;
    const rejected = words[row + FrameWord.rejected]!;
    if (!http && rejected === 0) continue;
    const duplicates = words[row + FrameWord.duplicates]!;
    const route = routes[words[row + FrameWord.route]!]!;
    const { answers } = route;
    if (answers !== undefined) {
      if (!http || rejected === 0 || answers.partial === undefined) continue;
      writer.begin(frame);
      writer.text(
        partialMembers(answers.partial, eventErrors(output, errorStart, error, route.program.fields)),
      );
      writer.end(frame);
      continue;
    }
    writer.begin(frame);
    if (!http) {
      writer.text(JSON.stringify(eventErrors(output, errorStart, error, route.program.fields)));
    } else if (rejected > 0) {
      const errors = eventErrors(output, errorStart, error, route.program.fields);
      writer.text(rejectedBody(route, words[row + FrameWord.accepted]!, rejected, duplicates, errors));
    } else if (route.program.shape === Shape.single) {
      const record = words[row + FrameWord.recordStart]! * RECORD_WORDS;
      const idStart = output.records[record + RecordWord.lineOffset]! + LINE_HEAD_BYTES;
      writer.single(output.lines, idStart, duplicates > 0 ? REPEAT_TAIL : SINGLE_TAIL);
    } else {
      const repeated = duplicates > 0 ? `,"duplicates":${duplicates}` : '';
      writer.text(
        `{"status":"accepted","accepted":${words[row + FrameWord.accepted]},"rejected":0${repeated},"errors":[]}`,
      );
    }
    writer.end(frame);
  }
  return writer.finish();
}

/** Places of rejected events by field, as members for the dialect's own 200. */
function partialMembers(
  names: { readonly missing: string; readonly invalid: string },
  errors: EventError[],
): string {
  const missing: Record<string, number[]> = {};
  const invalid: Record<string, number[]> = {};
  for (const { code, field = 'event', index } of errors) {
    const fields = code === 'missing_field' ? missing : invalid;
    fields[field] = [...(fields[field] ?? []), index];
  }
  return [[names.missing, missing] as const, [names.invalid, invalid] as const]
    .filter(([, fields]) => Object.keys(fields).length > 0)
    .map(([name, fields]) => `,${JSON.stringify(name)}:${JSON.stringify(fields)}`)
    .join('');
}

function rejectedBody(
  route: Route,
  accepted: number,
  rejected: number,
  duplicates: number,
  errors: EventError[],
): string {
  if (duplicates > 0) return JSON.stringify({ status: 'partial', accepted, rejected, duplicates, errors });
  if (accepted > 0) return JSON.stringify({ status: 'partial', accepted, rejected, errors });
  const first = errors[0]!;
  if (route.program.shape === Shape.single) {
    const field = first.field === undefined ? {} : { field: first.field };
    return JSON.stringify(problem(first.code, { detail: first.message, ...field }));
  }
  const detail = `none of the ${rejected} events was accepted; the first: ${first.message}`;
  return JSON.stringify(problem(first.code, { detail, accepted, rejected, errors }));
}

function eventErrors(
  output: ScanOutput,
  start: number,
  end: number,
  fields: readonly string[],
): EventError[] {
  const errors: EventError[] = [];
  for (let error = start; error < end && errors.length < ERRORS_PER_ANSWER_MAX; error++) {
    const at = error * ERROR_WORDS;
    const code = REASONS[output.errors[at + ErrorWord.reason]!]!;
    const fieldIndex = output.errors[at + ErrorWord.field]!;
    const field = fieldIndex === FIELD_NONE ? undefined : fields[fieldIndex];
    const message = messageFor(code, field);
    const index = output.errors[at + ErrorWord.index]!;
    errors.push(field === undefined ? { index, code, message } : { index, code, field, message });
  }
  return errors;
}

class ReplyWriter {
  readonly #table: Uint32Array;
  #bytes: Buffer;
  #length = 0;

  constructor(frameCount: number) {
    this.#table = new Uint32Array(frameCount * 2);
    this.#bytes = Buffer.allocUnsafeSlow(128 + frameCount * 96);
  }

  begin(frame: number): void {
    this.#table[frame * 2] = this.#length;
  }

  end(frame: number): void {
    this.#table[frame * 2 + 1] = this.#length - this.#table[frame * 2]!;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }

  /** The id's own bytes, escaped as they stand in the line, so that the client reads back what it sent. */
  single(lines: Buffer, idStart: number, tail: Buffer): void {
    this.#reserve(ACCEPTED_REPLY_BYTES_MAX);
    const bytes = this.#bytes;
    bytes.set(SINGLE_HEAD, this.#length);
    let at = this.#length + SINGLE_HEAD.length;
    for (let from = idStart; lines[from] !== QUOTE; from++) {
      if (lines[from] === 0x5c) bytes[at++] = lines[from++]!;
      bytes[at++] = lines[from]!;
    }
    bytes.set(tail, at);
    this.#length = at + tail.length;
  }

  finish(): Replies {
    return { table: this.#table, bytes: this.#bytes.subarray(0, this.#length) };
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow((this.#length + bytes) * 2);
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

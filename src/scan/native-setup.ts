/**
 * What the native scanner is made of, as one list of 32-bit words and one run of bytes; native/create.h reads both
 * in the order in which they are written here. Every bound, reason and constant text comes from its TypeScript owner.
 */
import { randomBytes } from 'node:crypto';
import type { Program, ProgramLiteral, ProgramPart, ProgramSource } from '../dialects/program.ts';
import {
  CLIENT_COLUMNS,
  ColumnIndex,
  ColumnKind,
  TIMESTAMP_MS_END,
  TIMESTAMP_MS_MIN,
  TRANSPORTS,
} from '../event.ts';
import {
  DEPTH_MAX,
  ENVELOPE_FIELDS_BYTES_MAX,
  EVENT_FUTURE_MS_MAX,
  EVENT_KEYS_MAX,
  KEYS_COMPARED_MAX,
  LINES_BYTES_MAX,
  SCAN_BUFFER_KEEP_BYTES,
  SKEW_DEAD_ZONE_MS,
  USER_AGENT_BYTES_MAX,
} from '../limits.ts';
import { outcome, REASONS, ReasonNumber } from '../outcome.ts';
import { FRAME_WORDS, FrameWord, SLAB_HEADER_WORDS } from '../slab/layout.ts';
import { CLAIMS_KEPT } from './claim-privacy.ts';
import { ERROR_WORDS, ErrorWord, FIELD_NONE, RECORD_WORDS, RecordWord, type ScanSetup } from './contract.ts';

export interface NativeSetup {
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
}

/** The setup as native/create.h reads it. */
export function encodeSetup(setup: ScanSetup): NativeSetup {
  const writer = new SetupWriter();
  writer.words(LAYOUT);
  writer.words([
    DEPTH_MAX,
    EVENT_KEYS_MAX,
    KEYS_COMPARED_MAX,
    ENVELOPE_FIELDS_BYTES_MAX,
    LINES_BYTES_MAX,
    SCAN_BUFFER_KEEP_BYTES,
    setup.batchEventsMax,
    SKEW_DEAD_ZONE_MS,
    EVENT_FUTURE_MS_MAX,
    USER_AGENT_BYTES_MAX,
  ]);
  writer.wide(TIMESTAMP_MS_MIN);
  writer.wide(TIMESTAMP_MS_END);
  const { ipv4BytesKept, ipv6BytesKept, keepsUserAgent } = setup.claimPrivacy ?? CLAIMS_KEPT;
  writer.words([ipv4BytesKept, ipv6BytesKept]);
  writer.flag(keepsUserAgent);
  // The seed of the sets of keys: no client can know which keys collide.
  writer.words(new Uint32Array(Uint8Array.from(randomBytes(16)).buffer));
  writer.words([setup.ids.nodeHigh, setup.ids.nodeLow]);
  writer.words(SCAN_REASONS.map((reason) => ReasonNumber[reason]));
  writer.list(REASONS, (reason, number) => writer.flag(number > 0 && outcome(reason).deadLetter));
  writer.list(CLIENT_COLUMNS, (column, index) => {
    writer.words([COLUMN_KINDS.indexOf(column.kind), column.bytesMin, column.bytesMax]);
    writer.text(`${index === 0 ? '{' : ','}"${column.name}":`);
  });
  writer.words([
    ColumnIndex.event_id,
    ColumnIndex.app_id,
    ColumnIndex.device_id,
    ColumnIndex.user_id,
    ColumnIndex.timestamp,
  ]);
  writer.list(TRANSPORTS, (name) => writer.text(`,"transport":"${name}"}\n`));
  writer.list(setup.apps, (name) => {
    writer.text(name);
    writer.text(`,"app_id":${JSON.stringify(name)}`);
  });
  writer.list(setup.programs, (program) => writeProgram(writer, program));
  return writer.done();
}

const COLUMN_KINDS = [ColumnKind.text, ColumnKind.timestamp, ColumnKind.object];

/** In the order of `struct Reasons` (native/setup.h). */
const SCAN_REASONS = [
  'empty_body',
  'batch_too_large',
  'overloaded',
  'invalid_json',
  'invalid_utf8',
  'trailing_bytes',
  'too_deep',
  'too_many_keys',
  'duplicate_key',
  'number_out_of_range',
  'not_an_object',
  'envelope_too_large',
  'missing_field',
  'invalid_type',
  'invalid_length',
  'invalid_timestamp',
  'timestamp_out_of_range',
] as const;

/** Words of shared memory that native/setup.h mirrors; a build that disagrees makes no scanner. */
const LAYOUT = [
  SLAB_HEADER_WORDS,
  FRAME_WORDS,
  FrameWord.source,
  FrameWord.bodyOffset,
  FrameWord.bodyLength,
  FrameWord.route,
  FrameWord.app,
  FrameWord.transport,
  FrameWord.receivedDeltaMs,
  FrameWord.addressOffset,
  FrameWord.addressLength,
  FrameWord.userAgentOffset,
  FrameWord.userAgentLength,
  FrameWord.reason,
  FrameWord.accepted,
  FrameWord.rejected,
  FrameWord.recordStart,
  RECORD_WORDS,
  RecordWord.lineOffset,
  RecordWord.lineLength,
  RecordWord.keyHash,
  RecordWord.app,
  RecordWord.timestampMs,
  RecordWord.idHashLow,
  RecordWord.idHashHigh,
  ERROR_WORDS,
  ErrorWord.frame,
  ErrorWord.index,
  ErrorWord.reason,
  ErrorWord.field,
  ErrorWord.source,
  ErrorWord.offset,
  ErrorWord.length,
  FIELD_NONE,
];

function writeProgram(writer: SetupWriter, program: Program): void {
  writer.flag(program.shape === 'batch');
  writer.flag(program.isPlain);
  writer.flag(program.isLenient);
  writer.words([program.batchEventsMax]);
  writer.text(JSON.stringify(program.dialect));
  writer.words([program.restColumn, program.envelopeNode]);
  writer.list(program.slots, (slot) => {
    writer.words([slot.namedColumn]);
    writer.flag(slot.isSecret);
    writer.flag(slot.isAppSource);
  });
  writer.list(program.guards, (guard) => {
    writer.words([guard.slot]);
    writer.flag(guard.isNegated);
    writer.flag(guard.matchesAbsent);
    writeLiterals(writer, guard.literals);
  });
  for (const column of program.columns) {
    writer.list(column.sources, (source) => writeSource(writer, source));
    writer.words([column.partStart, column.partEnd]);
    writer.flag(column.mayCollide);
  }
  writer.list(program.parts, (part) => writePart(writer, part));
  writer.list(program.sentAtSlots, (slot) => writer.words([slot]));
  writer.words([program.directGuards]);
  for (const claims of [program.ipClaims, program.userAgentClaims]) {
    writer.list(claims, ({ slot, guards }) => writer.words([slot, guards]));
  }
  writer.list(program.required, ({ columns, slot }) => {
    writer.words([slot]);
    writer.list(columns, (column) => writer.words([column]));
  });
  writer.list(program.nodes, (keys) => {
    writer.list(keys, (key) => {
      writer.text(key.bytes);
      writer.words([key.slot, key.node]);
      writer.flag(key.isEnvelope);
    });
  });
}

function writeSource(writer: SetupWriter, source: ProgramSource): void {
  writer.words([source.slot, source.guards]);
  writer.text(source.constant);
  writer.text(source.after);
  writer.text(source.unless);
  writer.flag(source.isExact);
}

function writePart(writer: SetupWriter, part: ProgramPart): void {
  writer.words([part.slot, part.guards]);
  writer.flag(part.isEach);
  writer.flag(part.usesUp);
  writer.text(part.key);
  writer.list(part.patterns, ({ bytes, isPrefix }) => {
    writer.text(bytes);
    writer.flag(isPrefix);
  });
  writeLiterals(writer, part.dropped);
  writer.list(part.renames, ({ from, to }) => {
    writer.text(from);
    writer.text(to);
  });
}

function writeLiterals(writer: SetupWriter, literals: readonly ProgramLiteral[]): void {
  writer.list(literals, ({ isText, bytes }) => {
    writer.flag(isText);
    writer.text(bytes);
  });
}

class SetupWriter {
  readonly #words: number[] = [];
  readonly #texts: Uint8Array[] = [];

  words(words: Iterable<number>): void {
    this.#words.push(...words);
  }

  flag(value: boolean): void {
    this.#words.push(value ? 1 : 0);
  }

  /** A whole number of up to 53 bits. */
  wide(value: number): void {
    this.#words.push(Math.floor(value / 0x1_0000_0000), value % 0x1_0000_0000);
  }

  text(text: string | Uint8Array): void {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    this.#words.push(bytes.length);
    this.#texts.push(bytes);
  }

  /** The count of the items, then each. */
  list<Item>(items: readonly Item[], write: (item: Item, index: number) => void): void {
    this.#words.push(items.length);
    for (const [index, item] of items.entries()) write(item, index);
  }

  done(): NativeSetup {
    return { words: Uint32Array.from(this.#words), bytes: Buffer.concat(this.#texts) };
  }
}

/**
 * Everything that the reference scanner keeps while it scans, in one plain object that its free functions share.
 * One state belongs to one scanner and thus to one thread; nothing in it outlives a call of `scan` but buffers.
 */
import { CLIENT_COLUMNS } from '../../event.ts';
import { ENVELOPE_FIELDS_BYTES_MAX, EVENT_KEYS_MAX, PROGRAM_SLOTS_MAX } from '../../limits.ts';
import { CLAIMS_KEPT } from '../claim-privacy.ts';
import type { ClaimPrivacy, ScanOutput, ScanSetup } from '../contract.ts';
import { RECORD_WORDS } from '../contract.ts';
import { ADDRESS_BYTES_MAX } from './address-text.ts';
import { type Text, textOf, viewOf } from './bytes.ts';
import type { ProgramTables } from './tables.ts';

/** Faults that are no reasons: they steer the frame loop. Reasons (outcome.ts) are positive, 0 is none. */
export const FAULT_ENVELOPE = -1;

/** What is known of the current frame's bytes; found out at its first byte beyond ASCII. */
export const Utf8 = { unknown: 0, valid: 1, broken: 2 } as const;

/** What a captured value is. `absent` is JSON's null. */
export const ValueKind = { absent: 0, string: 1, number: 2, object: 3, array: 4, boolean: 5 } as const;

/**
 * Words of a capture: a member of the event's root, or a value deeper down that fills a slot. Offsets count in
 * the source; the key's are those of its raw text between the quotes, the value's include quotes and braces.
 */
export const CAPTURE_WORDS = 8;
export const CaptureWord = {
  keyStart: 0,
  keyEnd: 1,
  valueStart: 2,
  valueEnd: 3,
  kind: 4,
  flags: 5,
  slot: 6,
  isRoot: 7,
} as const;
/**
 * `rest`: goes to the rest column. `used`: a column took it. `bare`: the value is a text without quotes, the inside of
 * a string or a number. `valueDirty`, `keyDirty`: cannot be copied as it stands (space, surrogates).
 */
export const CaptureFlag = {
  valueDirty: 1,
  valueEscaped: 2,
  keyEscaped: 4,
  keyDirty: 8,
  rest: 16,
  used: 32,
  bare: 64,
} as const;

/** What `winner` holds beside captures; of a constant, this less the number of its source. */
export const Winner = { none: -1, parts: -2, constant: -3 } as const;

export interface ScanState {
  readonly setup: ScanSetup;

  // The body: VIEWS for the time of one scan. `end` is where the current walk must stop.
  bytes: Buffer;
  view: DataView;
  source: number;
  end: number;
  frameStart: number;
  frameEnd: number;
  utf8: number;

  // The walk of one event.
  tables: ProgramTables;
  fault: number;
  faultSlot: number;
  /** A root key of the envelope's with an array ends the walk with FAULT_ENVELOPE. */
  envelopeSought: boolean;
  /** The object walked is the envelope itself: its array is skipped and noted. */
  envelopeWalked: boolean;
  arrayStart: number;
  arrayEnd: number;
  /** Keys of the event so far, for EVENT_KEYS_MAX; and the stack of keys of the objects that are open. */
  keyCount: number;
  keyTop: number;
  readonly keyHash: Int32Array;
  /** Offset in `bytes`, or its complement (~) in `scratch` for a key that had to be unescaped. */
  readonly keyStart: Int32Array;
  readonly keyLength: Int32Array;
  /** Running counts; a span in which they did not move can be copied as it stands. */
  spaceCount: number;
  escapeCount: number;
  surrogateCount: number;
  readonly captures: Int32Array;
  captureCount: number;
  /** The first captures are those of the envelope's slots, kept over the events of a frame. */
  captureBase: number;
  /** Captures of the envelope's own fields that go into each of its events. */
  readonly envelope: Int32Array;
  envelopeCount: number;
  /** By slot: its capture, or -1; owned by the tables. */
  slotCapture: Int32Array;
  /** By column: the capture that fills it, or one of Winner; and the capture that this was made of, or -1. */
  readonly winner: Int32Array;
  readonly origin: Int32Array;
  restCount: number;
  /** The guards that hold and the parts that are there, as bits. */
  heldGuards: number;
  activeParts: number;
  /** Of the time that won: it is not to be corrected; it was. */
  isTimeExact: boolean;
  isTimeMoved: boolean;
  /** Inside of the text that was found to fit last. */
  fitStart: number;
  fitEnd: number;
  /** The member that was read last (members.ts): its key without quotes, its value. */
  memberKeyStart: number;
  memberKeyEnd: number;
  memberStart: number;
  memberEnd: number;
  /** Span of the body that waits to be copied to the line, or -1 twice. */
  runStart: number;
  runEnd: number;
  /** Unescaped texts of the current event. */
  scratch: Buffer;
  scratchView: DataView;
  scratchTop: number;

  // The frame's constants.
  app: number;
  /** By app: its name, and its whole member of a line. */
  readonly appNames: readonly Buffer[];
  readonly appTexts: readonly Text[];
  frame: number;
  receivedMs: number;
  eventMs: number;
  /** The end of each line of the frame: ip, user agent, received_at, dialect, transport, brace, newline. */
  tail: Buffer;
  tailView: DataView;
  tailBytes: number;
  /** Where the tail of the next line begins; and where it does when address and user agent are not the connection's. */
  tailStart: number;
  tailServerStart: number;
  /** Where the user agent begins in it. */
  tailAgentStart: number;

  // What the event says of itself (claims.ts).
  readonly claimPrivacy: ClaimPrivacy;
  /** What of it stands before the connection's: bits of address and user agent. */
  claimed: number;
  readonly claimedAddress: Uint8Array;
  /** Bytes of the address that is written, 0 when none is; the capture of the user agent that is, or -1. */
  claimedAddressBytes: number;
  claimedAgent: number;

  // The output.
  output: ScanOutput;
  lines: Buffer;
  linesView: DataView;
  lineBytes: number;
  recordTimes: Float64Array;
  accepted: number;
  rejected: number;
  /** What the output and the id source held when the frame began; a refused frame goes back to it. */
  markLineBytes: number;
  markRecordCount: number;
  markErrorCount: number;
  markSurrogates: number;
  markIds: number;
}

/** Fields of the event, slots of its envelope, and a text that was cut or quoted for each column. */
const CAPTURES_MAX = EVENT_KEYS_MAX + PROGRAM_SLOTS_MAX + CLIENT_COLUMNS.length;

/** A state for `setup`, following `tables` until the first frame sets its own. */
export function createScanState(setup: ScanSetup, tables: ProgramTables, output: ScanOutput): ScanState {
  const empty = Buffer.alloc(0);
  const scratch = Buffer.allocUnsafeSlow(4096);
  const tail = Buffer.allocUnsafeSlow(4096);
  return {
    setup,
    bytes: empty,
    view: viewOf(empty),
    source: 0,
    end: 0,
    frameStart: 0,
    frameEnd: 0,
    utf8: Utf8.unknown,
    tables,
    fault: 0,
    faultSlot: -1,
    envelopeSought: false,
    envelopeWalked: false,
    arrayStart: -1,
    arrayEnd: -1,
    keyCount: 0,
    keyTop: 0,
    keyHash: new Int32Array(EVENT_KEYS_MAX + 1),
    keyStart: new Int32Array(EVENT_KEYS_MAX + 1),
    keyLength: new Int32Array(EVENT_KEYS_MAX + 1),
    spaceCount: 0,
    escapeCount: 0,
    surrogateCount: 0,
    captures: new Int32Array(CAPTURES_MAX * CAPTURE_WORDS),
    captureCount: 0,
    captureBase: 0,
    // No member is shorter than `"":1`, and what does not fit is refused before it is kept.
    envelope: new Int32Array((ENVELOPE_FIELDS_BYTES_MAX / 4) * CAPTURE_WORDS),
    envelopeCount: 0,
    slotCapture: tables.slotCapture,
    winner: new Int32Array(CLIENT_COLUMNS.length),
    origin: new Int32Array(CLIENT_COLUMNS.length),
    restCount: 0,
    heldGuards: 0,
    activeParts: 0,
    isTimeExact: false,
    isTimeMoved: false,
    fitStart: 0,
    fitEnd: 0,
    memberKeyStart: 0,
    memberKeyEnd: 0,
    memberStart: 0,
    memberEnd: 0,
    runStart: -1,
    runEnd: -1,
    scratch,
    scratchView: viewOf(scratch),
    scratchTop: 0,
    app: 0,
    appNames: setup.apps.map((name) => Buffer.from(name)),
    appTexts: setup.apps.map((name) => textOf(`,"app_id":${JSON.stringify(name)}`)),
    frame: 0,
    receivedMs: 0,
    eventMs: 0,
    tail,
    tailView: viewOf(tail),
    tailBytes: 0,
    tailStart: 0,
    tailServerStart: 0,
    tailAgentStart: 0,
    claimPrivacy: setup.claimPrivacy ?? CLAIMS_KEPT,
    claimed: 0,
    claimedAddress: new Uint8Array(ADDRESS_BYTES_MAX),
    claimedAddressBytes: 0,
    claimedAgent: -1,
    output,
    lines: output.lines,
    linesView: viewOf(output.lines),
    lineBytes: 0,
    recordTimes: recordTimesOf(output.records),
    accepted: 0,
    rejected: 0,
    markLineBytes: 0,
    markRecordCount: 0,
    markErrorCount: 0,
    markSurrogates: 0,
    markIds: 0,
  };
}

/** Notes `reason` as the fault of the walk and returns -1, which every walking function hands up. */
export function fail(state: ScanState, reason: number): number {
  state.fault = reason;
  return -1;
}

/** The float64 view of a record table, in which `timestampMs` stands at `row * RECORD_WORDS / 2 + 2`. */
export function recordTimesOf(records: Uint32Array): Float64Array {
  const rows = Math.floor(records.length / RECORD_WORDS);
  return new Float64Array(records.buffer, records.byteOffset, (rows * RECORD_WORDS) / 2);
}

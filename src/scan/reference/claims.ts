// Hot path where events say their own addresses.
/** What an event says of its own address and user agent: which claim wins, and what stands in the line for it. */
import type { ProgramClaim } from '../../dialects/program.ts';
import { USER_AGENT_BYTES_MAX } from '../../limits.ts';
import { ADDRESS_TEXT_BYTES_MAX, writeAddress } from './address.ts';
import { ADDRESS_INPUT_BYTES_MAX, readAddress } from './address-text.ts';
import { copyBytes, QUOTE } from './bytes.ts';
import { putCapture, putText, reserveLines } from './canonical.ts';
import { CAPTURE_WORDS, CaptureFlag, CaptureWord, type ScanState, ValueKind } from './state.ts';
import { decodeAside } from './strings.ts';
import { IP_KEY, USER_AGENT_KEY } from './tail.ts';

/** Bits of `state.claimed`. */
const IP = 1;
const USER_AGENT = 2;
/** The most that one byte of text can take as an escape: `\u0041`. */
const ESCAPE_BYTES_MAX = 6;
/** Room for both keys, the quotes, the braces and an address. */
const FIXED_BYTES_MAX = IP_KEY.bytes.length + USER_AGENT_KEY.bytes.length + ADDRESS_TEXT_BYTES_MAX + 8;

/** Finds what the event just resolved says of itself. Sets `claimed`, and what of it is to be written. */
export function chooseClaims(state: ScanState): void {
  const { ipClaims, userAgentClaims } = state.tables.program;
  const { ipv4BytesKept, ipv6BytesKept, keepsUserAgent } = state.claimPrivacy;
  state.claimed = 0;
  const address = chooseClaim(state, ipClaims, IP);
  if (address >= 0) {
    const bytesKept = state.claimedAddressBytes === 4 ? ipv4BytesKept : ipv6BytesKept;
    state.claimedAddress.fill(0, bytesKept);
    if (bytesKept === 0) state.claimedAddressBytes = 0;
  }
  const agent = chooseClaim(state, userAgentClaims, USER_AGENT);
  state.claimedAgent = keepsUserAgent ? agent : -1;
}

/** The capture of the first claim that fits, marked as used, or -1. */
function chooseClaim(state: ScanState, claims: readonly ProgramClaim[], bit: number): number {
  for (let index = 0; index < claims.length; index++) {
    const { slot, guards } = claims[index]!;
    const capture = state.slotCapture[slot]!;
    if (capture < 0 || (state.heldGuards & guards) !== guards) continue;
    const row = capture * CAPTURE_WORDS;
    if (state.captures[row + CaptureWord.kind] !== ValueKind.string) continue;
    if (bit === IP ? !fitsAddress(state, row) : !fitsUserAgent(state, row)) continue;
    state.captures[row + CaptureWord.flags] = state.captures[row + CaptureWord.flags]! | CaptureFlag.used;
    state.claimed |= bit;
    return capture;
  }
  return -1;
}

/** Whether the text at `row` is an address, which is then `claimedAddress`. */
function fitsAddress(state: ScanState, row: number): boolean {
  let start = state.captures[row + CaptureWord.valueStart]! + 1;
  let end = state.captures[row + CaptureWord.valueEnd]! - 1;
  let bytes = state.bytes;
  if ((state.captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
    if (end - start > ADDRESS_INPUT_BYTES_MAX * ESCAPE_BYTES_MAX) return false;
    const length = decodeAside(state, start, end);
    bytes = state.scratch;
    start = state.scratchTop;
    end = start + length;
  }
  if (end - start > ADDRESS_INPUT_BYTES_MAX) return false;
  const addressBytes = readAddress(bytes, start, end, state.claimedAddress);
  state.claimedAddressBytes = addressBytes;
  return addressBytes > 0;
}

function fitsUserAgent(state: ScanState, row: number): boolean {
  const start = state.captures[row + CaptureWord.valueStart]! + 1;
  const end = state.captures[row + CaptureWord.valueEnd]! - 1;
  let length = end - start;
  if ((state.captures[row + CaptureWord.flags]! & CaptureFlag.valueEscaped) !== 0) {
    if (length > USER_AGENT_BYTES_MAX * ESCAPE_BYTES_MAX) return false;
    length = decodeAside(state, start, end);
  }
  return length > 0 && length <= USER_AGENT_BYTES_MAX;
}

/**
 * Writes ip and user agent of an event that says one of them at least: the other one is the connection's, if that is the
 * event's own. Returns the position behind them, where the tail goes on from `tailServerStart`.
 */
export function putClaims(state: ScanState, to: number): number {
  const { claimed, claimedAddressBytes, claimedAgent, tailStart, tailAgentStart, tailServerStart } = state;
  const row = claimedAgent * CAPTURE_WORDS;
  const agentBytes =
    claimedAgent < 0
      ? 0
      : state.captures[row + CaptureWord.valueEnd]! - state.captures[row + CaptureWord.valueStart]!;
  reserveLines(state, to, FIXED_BYTES_MAX + tailServerStart + agentBytes);
  if ((claimed & IP) === 0) {
    to = putTail(state, Math.min(tailStart, tailAgentStart), tailAgentStart, to);
  } else if (claimedAddressBytes > 0) {
    to = putText(state, IP_KEY, to);
    to = writeAddress(state.claimedAddress, 0, claimedAddressBytes, state.lines, to);
    state.lines[to++] = QUOTE;
  }
  if ((claimed & USER_AGENT) === 0) {
    to = putTail(state, Math.max(tailStart, tailAgentStart), tailServerStart, to);
  } else if (claimedAgent >= 0) {
    to = putCapture(state, claimedAgent, putText(state, USER_AGENT_KEY, to));
  }
  return to;
}

function putTail(state: ScanState, start: number, end: number, to: number): number {
  return copyBytes(state.tail, state.tailView, start, end - start, state.lines, state.linesView, to);
}

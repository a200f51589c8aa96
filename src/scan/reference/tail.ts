// Hot path.
/** The end of a canonical line, which is the same for every event of a frame: the columns that the server fills. */
import { TRANSPORTS } from '../../event.ts';
import { FrameWord } from '../../slab/layout.ts';
import { ADDRESS_TEXT_BYTES_MAX, writeAddress } from './address.ts';
import { BACKSLASH, copyBytes, QUOTE, type Text, textOf, viewOf } from './bytes.ts';
import type { ScanState } from './state.ts';
import { TIMESTAMP_TEXT_BYTES, writeTimestamp } from './timestamp.ts';

/** What stands before an address, its quote included, and before a user agent. */
export const IP_KEY = textOf(',"ip":"');
export const USER_AGENT_KEY = textOf(',"user_agent":');
const RECEIVED_KEY = textOf(',"received_at":"');
const DIALECT_KEY = textOf('","dialect":');
const TRANSPORT_ENDS = TRANSPORTS.map((name) => textOf(`,"transport":"${name}"}\n`));

/** Room for every text of this file and the address. */
const FIXED_BYTES_MAX = 128 + ADDRESS_TEXT_BYTES_MAX + TIMESTAMP_TEXT_BYTES;
/** A control character grows to `\u00XX`. */
const ESCAPE_GROWTH_MAX = 6;

/** Builds `state.tail` for the frame at `row`. `slab` holds the address and the user agent. */
export function buildTail(
  state: ScanState,
  words: Uint32Array,
  row: number,
  slab: Buffer,
  slabView: DataView,
  dialect: Text,
): void {
  const agentBytes = words[row + FrameWord.userAgentLength]!;
  const room = FIXED_BYTES_MAX + dialect.bytes.length + agentBytes * ESCAPE_GROWTH_MAX;
  if (room > state.tail.length) {
    state.tail = Buffer.allocUnsafeSlow(2 * room);
    state.tailView = viewOf(state.tail);
  }
  const addressBytes = words[row + FrameWord.addressLength]!;
  let at = 0;
  if (addressBytes === 4 || addressBytes === 16) {
    at = putText(state, IP_KEY, at);
    at = writeAddress(slab, words[row + FrameWord.addressOffset]!, addressBytes, state.tail, at);
    state.tail[at++] = QUOTE;
  }
  state.tailAgentStart = at;
  if (agentBytes > 0) {
    at = putText(state, USER_AGENT_KEY, at);
    at = putUserAgent(state, slab, slabView, words[row + FrameWord.userAgentOffset]!, agentBytes, at);
  }
  state.tailStart = 0;
  state.tailServerStart = at;
  at = putText(state, RECEIVED_KEY, at);
  writeTimestamp(state.receivedMs, state.tail, at);
  at = putText(state, DIALECT_KEY, at + TIMESTAMP_TEXT_BYTES);
  at = putText(state, dialect, at);
  state.tailBytes = putText(state, TRANSPORT_ENDS[words[row + FrameWord.transport]!]!, at);
}

function putText(state: ScanState, text: Text, at: number): number {
  return copyBytes(text.bytes, text.view, 0, text.bytes.length, state.tail, state.tailView, at);
}

/** A header's bytes as a JSON string: as they stand when they are plain ASCII, else decoded and escaped as JSON.stringify does. */
function putUserAgent(
  state: ScanState,
  slab: Buffer,
  slabView: DataView,
  start: number,
  length: number,
  at: number,
): number {
  for (let index = start; index < start + length; index++) {
    const byte = slab[index]!;
    if (byte < 0x20 || byte >= 0x80 || byte === QUOTE || byte === BACKSLASH) {
      return at + state.tail.write(JSON.stringify(slab.toString('utf8', start, start + length)), at);
    }
  }
  state.tail[at++] = QUOTE;
  at = copyBytes(slab, slabView, start, length, state.tail, state.tailView, at);
  state.tail[at++] = QUOTE;
  return at;
}

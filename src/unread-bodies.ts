// Hot path: once a slab, and once a rejected event.
/**
 * Bodies of one event that is no JSON. The scanner rejects that event as it does one among others, and where answers are
 * Penstock's own that is 400. A dialect with answers of its own says 200 for whatever could be read, which this body could
 * not: it is refused whole, as one that is cut short is. Its error row, and so its dead letter, stays. One that would be
 * JSON but for numbers which JSON has no word for, as Python's json writes them, could be read: its event alone is at fault.
 */
import type { Route } from './dialects/routes.ts';
import { UNREAD_LOOK_BYTES_MAX } from './limits.ts';
import { ReasonNumber } from './outcome.ts';
import { ERROR_WORDS, ErrorWord, type ScanJob, type ScanOutput } from './scan/contract.ts';
import { FrameWord, frameRow } from './slab/layout.ts';
import { skipSpace } from './unwrap/json-walk.ts';

/** Writes the reasons of such frames into their rows, as the scanner would. */
export function refuseUnread(
  { words, sources }: ScanJob,
  output: ScanOutput,
  routes: readonly Route[],
): void {
  const { errors, errorCount } = output;
  for (let at = 0; at < errorCount * ERROR_WORDS; at += ERROR_WORDS) {
    const reason = errors[at + ErrorWord.reason]!;
    if (reason !== ReasonNumber.invalid_json && reason !== ReasonNumber.invalid_utf8) continue;
    const row = frameRow(errors[at + ErrorWord.frame]!);
    const isAlone = words[row + FrameWord.accepted] === 0 && words[row + FrameWord.rejected] === 1;
    if (!isAlone || words[row + FrameWord.reason] !== 0) continue;
    if (routes[words[row + FrameWord.route]!]!.answers === undefined) continue;
    const start = words[row + FrameWord.bodyOffset]!;
    const source = sources[errors[at + ErrorWord.source] === 0 ? 0 : 1];
    const body = source.subarray(start, start + words[row + FrameWord.bodyLength]!);
    // One within a list or an envelope is an event of a batch, however few they are.
    const first = skipSpace(body, 0, body.length);
    if (start + first !== errors[at + ErrorWord.offset]) continue;
    if (isJsonButForNumbers(body.subarray(first))) continue;
    words[row + FrameWord.reason] = reason;
    words[row + FrameWord.rejected] = 0;
  }
}

const NO_NUMBER = /(?<=[[:,\s])-?(?:NaN|Infinity)(?=[\]},\s])/g;

function isJsonButForNumbers(bytes: Uint8Array): boolean {
  if (bytes.length > UNREAD_LOOK_BYTES_MAX) return false;
  // Byte by byte: what stands in strings is not looked at, and outside of them no byte of a longer character is JSON.
  const text = Buffer.from(bytes).toString('latin1');
  const mended = text.replace(NO_NUMBER, 'null');
  if (mended === text) return false;
  try {
    JSON.parse(mended);
    return true;
  } catch {
    return false;
  }
}

/** The error table: a row for each rejected event, or for a frame that is refused whole. */
import { ERROR_WORDS, ErrorWord, FIELD_NONE } from '../contract.ts';
import type { ScanState } from './state.ts';

/** Appends a row about event `index` of the current frame, with `state.faultSlot` as its field, and counts it. */
export function addError(
  state: ScanState,
  index: number,
  reason: number,
  offset: number,
  length: number,
): void {
  const output = state.output;
  if ((output.errorCount + 1) * ERROR_WORDS > output.errors.length) {
    const grown = new Uint32Array(Math.max(ERROR_WORDS, 2 * output.errors.length));
    grown.set(output.errors);
    output.errors = grown;
  }
  const row = output.errorCount++ * ERROR_WORDS;
  const errors = output.errors;
  errors[row + ErrorWord.frame] = state.frame;
  errors[row + ErrorWord.index] = index;
  errors[row + ErrorWord.reason] = reason;
  errors[row + ErrorWord.field] = state.faultSlot < 0 ? FIELD_NONE : state.faultSlot;
  errors[row + ErrorWord.source] = state.source;
  errors[row + ErrorWord.offset] = offset;
  errors[row + ErrorWord.length] = length;
  errors[row + 7] = 0;
  state.rejected++;
}

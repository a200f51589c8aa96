import type { Decoder } from './decoder.ts';
import { isObject, skipSpace } from './json-walk.ts';

const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']');

/** One event as a list of one, so that what comes from the head stands around events, not in them. */
export const decodeList: Decoder = (body) =>
  isObject(body, skipSpace(body, 0, body.length)) ? Buffer.concat([OPEN, body, CLOSE]) : body;

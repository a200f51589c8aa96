/**
 * Events in a field `data`: of a form, of a query string, of a multipart form (beacons); as JSON, or as base64 of it,
 * and in Mixpanel's browser SDK as base64 of CESU-8.
 */
import type { CarriedHead } from '../slab/carried.ts';
import { joinSurrogates } from './cesu8.ts';
import type { Decoder } from './decoder.ts';
import { isArray, isObject, skipSpace } from './json-walk.ts';
import { decodeBytes, rawFieldOf } from './query.ts';

const FIELD = Buffer.from('data=');
const MULTIPART_MARK = Buffer.from('--');
const MULTIPART_FIELD = Buffer.from('name="data"');
const HEAD_END = Buffer.from('\r\n\r\n');
const SPACE = 0x20;
const PLUS = 0x2b;

/** Takes the field `data` off a body that does not begin as JSON does, or off the query where the body has none. */
export const decodeForm: Decoder = (body, head) => {
  const start = skipSpace(body, 0, body.length);
  if (isObject(body, start) || isArray(body, start)) return body;
  const value = formField(body) ?? multipartField(body) ?? queryField(head);
  return value === undefined ? body : decodeValue(value);
};

function formField(body: Buffer): Buffer | undefined {
  let at = body.indexOf(FIELD);
  while (at > 0 && body[at - 1] !== 0x26) at = body.indexOf(FIELD, at + 1);
  if (at === -1) return undefined;
  const end = body.indexOf(0x26, at);
  return body.subarray(at + FIELD.length, end === -1 ? body.length : end);
}

function queryField({ query }: CarriedHead): Buffer | undefined {
  const value = rawFieldOf(query, 'data');
  return value === undefined ? undefined : Buffer.from(value);
}

/** RFC 7578: the part between the boundary that the first line is and the next; nothing in it is encoded. */
function multipartField(body: Buffer): Buffer | undefined {
  if (!body.subarray(0, MULTIPART_MARK.length).equals(MULTIPART_MARK)) return undefined;
  const lineEnd = body.indexOf('\r\n');
  const name = body.indexOf(MULTIPART_FIELD);
  const start = name === -1 ? -1 : body.indexOf(HEAD_END, name);
  if (lineEnd === -1 || start === -1) return undefined;
  const end = body.indexOf(Buffer.concat([Buffer.from('\r\n'), body.subarray(0, lineEnd)]), start);
  return end === -1 ? undefined : body.subarray(start + HEAD_END.length, end);
}

/**
 * JSON or base64 of it, percent-encoded or not. Mixpanel's SDK for Node does not encode the plus signs of its base64,
 * so that there they are no spaces.
 */
function decodeValue(value: Buffer): Buffer {
  const text = decodeBytes(value, SPACE);
  const start = skipSpace(text, 0, text.length);
  if (isObject(text, start) || isArray(text, start)) return joinSurrogates(text);
  // Node's decoder takes both alphabets, with and without padding.
  return joinSurrogates(
    Buffer.from(decodeBytes(value, PLUS).toString('latin1').replaceAll(' ', '+'), 'base64'),
  );
}

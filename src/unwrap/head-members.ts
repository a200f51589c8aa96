import type { CarriedHead } from '../slab/carried.ts';
import type { Decodable } from './decoder.ts';
import { isArray, isObject, skipSpace } from './json-walk.ts';
import { decodeText, rawFieldOf } from './query.ts';

/**
 * Puts what the table wants of the request's head into the body: before the members of an object, or into an envelope
 * around a list. Returns the body itself when there is nothing to put or no place for it.
 */
export function addHeadMembers(body: Buffer, head: CarriedHead, dialect: Decodable): Buffer {
  const { headers, query } = dialect.headMembers;
  const members: string[] = [];
  for (const [name, key] of headers) {
    const value = head.headers[name];
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${JSON.stringify(value)}`);
  }
  for (const [name, key] of query) {
    const value = rawFieldOf(head.query, name);
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${JSON.stringify(decodeText(value))}`);
  }
  if (members.length === 0) return body;
  const start = skipSpace(body, 0, body.length);
  const [envelopeKey] = dialect.envelopeKeys;
  if (isArray(body, start) && envelopeKey !== undefined) {
    const opening = `{${members.join(',')},${JSON.stringify(envelopeKey)}:`;
    return Buffer.concat([Buffer.from(opening), body.subarray(start), Buffer.from('}')]);
  }
  if (!isObject(body, start)) return body;
  const isEmpty = body[skipSpace(body, start + 1, body.length)] === 0x7d;
  const opening = `{${members.join(',')}${isEmpty ? '' : ','}`;
  return Buffer.concat([Buffer.from(opening), body.subarray(start + 1)]);
}

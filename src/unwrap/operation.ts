/**
 * What a Mixpanel profile update does is the name of one of its members (`$set`, `$add`, …): it is said again in a member
 * `operation`, where SQL can ask for it. https://developer.mixpanel.com/reference/profile-set lists the names.
 */
import { DECODED_EVENTS_MAX } from '../limits.ts';
import type { Decoder } from './decoder.ts';
import { addMembers, applyEdits, type Edit } from './edits.ts';
import { eachEvent, eachMember, isKey, STOP } from './json-walk.ts';

const OPERATIONS = ['set', 'set_once', 'add', 'append', 'union', 'unset', 'remove', 'delete'].map(
  (name) => `$${name}`,
);

/** Adds the operation to every event that is an update and has none of its own. */
export const decodeOperation: Decoder = (body, _head, { envelopeKeys }) => {
  const edits: Edit[] = [];
  let events = 0;
  const isWhole = eachEvent(body, envelopeKeys, (start, end) => {
    if (++events > DECODED_EVENTS_MAX) return STOP;
    let operation: string | undefined;
    let isUpdate = true;
    const closing = eachMember(body, start, end, (keyStart, keyEnd) => {
      operation ??= OPERATIONS.find((name) => isKey(body, keyStart, keyEnd, name));
      if (isKey(body, keyStart, keyEnd, 'event') || isKey(body, keyStart, keyEnd, 'operation'))
        isUpdate = false;
      return undefined;
    });
    if (closing !== -1 && operation !== undefined && isUpdate) {
      edits.push(addMembers(body, closing, [`"operation":"${operation}"`]));
    }
    return undefined;
  });
  return isWhole && events <= DECODED_EVENTS_MAX ? applyEdits(body, edits) : body;
};

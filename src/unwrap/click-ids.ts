/**
 * Click ids of browsers' events in Segment's shape, which stand in the address of the page only: each event gets a
 * member `$click` of those in `context.page.search`, else `context.page.url`. Bodies without the letters of any such
 * id are not looked into.
 */

import { CLICK_IDS } from '../dialects/attribution.ts';
import { DECODED_EVENTS_MAX } from '../limits.ts';
import { attributionOf, isClickId } from './attribution.ts';
import type { Decoder } from './decoder.ts';
import { addMembers, applyEdits, type Edit } from './edits.ts';
import { eachEvent, eachMember, isKey, STOP, textAt } from './json-walk.ts';
import { createTextSearch } from './text-search.ts';

/** Events of servers mostly have no page, so that one look is enough for them. */
const holdsPage = createTextSearch('page"');
const MARKS = CLICK_IDS.map((name) => Buffer.from(`${name}=`));

/** Adds the click ids of every event of the body. */
export const decodeClickIds: Decoder = (body, _head, { envelopeKeys }) => {
  if (!holdsPage(body) || !MARKS.some((mark) => body.includes(mark))) return body;
  const edits: Edit[] = [];
  let events = 0;
  const isWhole = eachEvent(body, envelopeKeys, (start, end) => {
    if (++events > DECODED_EVENTS_MAX) return STOP;
    const page = valueAt(body, start, end, ['context', 'page']);
    const address = page && (textOf(body, page, 'search') || textOf(body, page, 'url'));
    const clicks = address ? attributionOf(address, isClickId) : undefined;
    const closing = clicks === undefined ? -1 : eachMember(body, start, end, () => undefined);
    if (closing !== -1) edits.push(addMembers(body, closing, [`"$click":${clicks}`]));
    return undefined;
  });
  return isWhole && events <= DECODED_EVENTS_MAX ? applyEdits(body, edits) : body;
};

type Place = readonly [start: number, end: number];

function valueAt(body: Buffer, start: number, end: number, path: readonly string[]): Place | undefined {
  let place: Place | undefined = [start, end];
  for (const key of path) {
    const [from, to]: Place = place;
    place = undefined;
    eachMember(body, from, to, (keyStart, keyEnd, valueStart, valueEnd) => {
      if (!isKey(body, keyStart, keyEnd, key)) return undefined;
      place = [valueStart, valueEnd];
      return true;
    });
    if (place === undefined) return undefined;
  }
  return place;
}

function textOf(body: Buffer, [start, end]: Place, key: string): string {
  const place = valueAt(body, start, end, [key]);
  return place === undefined ? '' : (textAt(body, ...place) ?? '');
}

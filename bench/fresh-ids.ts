/**
 * Ids that no server has seen, written into bodies that were encoded before: a body that is sent again as it is would
 * be nothing but repeats, which a server may drop.
 */
const KEY = '"event_id":"';
/** Of an id's 36 characters these last ones are written; those before them tell the events of one body apart. */
const DIGITS = 12;
const ID_BYTES = 36;

const digits = Buffer.alloc(DIGITS);
/** Begins where no earlier process of the bench can have counted to: none sends a thousand bodies a millisecond. */
let counter = Date.now() * 1000;

/** Where in a body of the corpus (UUIDs as ids) the digits of its ids stand. */
export function findIdDigits(body: Buffer): number[] {
  const places: number[] = [];
  for (let at = body.indexOf(KEY); at >= 0; at = body.indexOf(KEY, at + 1))
    places.push(at + KEY.length + ID_BYTES - DIGITS);
  return places;
}

/** Gives the events of a body new ids, in place. */
export function writeFreshIds(body: Buffer, places: readonly number[]): void {
  digits.write((counter++ % 16 ** DIGITS).toString(16).padStart(DIGITS, '0'), 'latin1');
  for (const place of places) body.set(digits, place);
}

/** What the schema is made of: sections, lists and values, each with the words that a fault calls `expected`. */
import * as z from 'zod';

/** A section of the file: its keys, each with a default, and no others. Empty is as good as absent. */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.preprocess(
    (value) => value ?? {},
    z.strictObject(shape, {
      error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${keys}` : `a section with ${keys}`),
    }),
  );
}

/** A list; nothing is an empty one. */
export function list<Item extends z.ZodType>(item: Item, error: string, countMin = 0) {
  return z.preprocess((value) => value ?? [], z.array(item, { error }).min(countMin, { error }));
}

/** A whole number within bounds, both included. */
export function whole(min: number, max: number, error = `a whole number from ${min} to ${max}`) {
  return z.int({ error }).min(min, { error }).max(max, { error });
}

/** Bounds count bytes of UTF-8, as the columns of event.ts do. */
export function text(bytesMin: number, bytesMax: number) {
  return matching(
    (value) => Buffer.byteLength(value) >= bytesMin && Buffer.byteLength(value) <= bytesMax,
    `a text of ${bytesMin} to ${bytesMax} bytes (a number needs quotes)`,
  );
}

/** A text that `accepts` says yes to. */
export function matching(accepts: (value: string) => boolean, error: string) {
  return z.string({ error }).refine(accepts, { error });
}

/** One of the words. */
export function choice<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** true or false. */
export function flag() {
  return z.boolean({ error: 'true or false' });
}

/** Events a second or at once; 0 is no bound. */
export function rate() {
  return whole(0, 1_000_000_000);
}

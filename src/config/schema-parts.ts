/** What the schema is made of: sections, lists and values, each with the words that a fault calls `expected`. */
import { isIP } from 'node:net';
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

/** What Kafka takes as a topic, once `{app_id}` and `{event_type}` are filled in. */
export function isTopicName(value: string): boolean {
  const bare = value.replaceAll(/\{(app_id|event_type)\}/g, 'x');
  return /^[a-zA-Z0-9._-]{1,249}$/.test(bare) && bare !== '.' && bare !== '..';
}

/** true or false. */
export function flag() {
  return z.boolean({ error: 'true or false' });
}

/** `host:port`, a host of IPv6 in brackets. */
export function isAddress(value: string): boolean {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:]+\]|[^\s:/[\]]+):(\d{1,5})$/.exec(value) ?? [];
  return host !== '' && Number(port) >= 1 && Number(port) <= 65_535;
}

/** A network as CIDR. */
export function isNetwork(value: string): boolean {
  const [address = '', prefix = '', ...rest] = value.split('/');
  const family = isIP(address);
  return (
    rest.length === 0 &&
    family !== 0 &&
    /^\d{1,3}$/.test(prefix) &&
    Number(prefix) <= (family === 4 ? 32 : 128)
  );
}

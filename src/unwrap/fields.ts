import type { Decoder } from './decoder.ts';
import { fieldsOf } from './query.ts';

/**
 * An event as the fields of a query string (`GET /i?e=pv&…`), where the body is empty: an object of texts. Of a name
 * that stands twice the first counts.
 */
export const decodeFields: Decoder = (body, head) => {
  if (body.length > 0 || head.query === '') return body;
  const members = new Map<string, string>();
  for (const [name, value] of fieldsOf(head.query)) {
    if (!members.has(name)) members.set(name, value);
  }
  const text = [...members].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return Buffer.from(`{${text.join(',')}}`);
};

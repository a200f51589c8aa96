/**
 * Snowplow's tracker protocol (https://docs.snowplow.io/docs/sources/trackers/snowplow-tracker-protocol/): flat events
 * of texts, of which some hold JSON (`ue_pr`, `co`) or base64url of JSON (`ue_px`, `cx`). Each event gets, behind its
 * own members:
 *
 *   $unstruct    the self-describing event without its outer wrapping: {"schema", "data"}; instead of `ue_pr`, `ue_px`
 *   $contexts    the list of its contexts; instead of `co`, `cx`
 *   $name        the event's name within its schema's address: `iglu:com.acme/NAME/jsonschema/1-0-0`
 *   $attribution utm_* and click ids of `url`
 *
 * What does not hold the JSON that it should stays the text that it is.
 */
import { DECODED_EVENTS_MAX, EMBEDDED_JSON_BYTES_MAX } from '../limits.ts';
import { attributionOf } from './attribution.ts';
import type { Decoder } from './decoder.ts';
import { addMembers, applyEdits, type Edit } from './edits.ts';
import { eachEvent, eachMember, endOfValue, isKey, isText, STOP, skipSpace, textAt } from './json-walk.ts';

const NAMES = { ue_pr: '$unstruct', ue_px: '$unstruct', co: '$contexts', cx: '$contexts' } as const;
const BASE64 = ['ue_px', 'cx'];
/** Vendor and name of a schema: https://github.com/snowplow/iglu/wiki/Self-describing-JSON-schemas. */
const SCHEMA_NAME = /^iglu:[^/]+\/([^/]+)\//;

/** Unpacks every event of the body. */
export const decodeSnowplow: Decoder = (body, _head, { envelopeKeys }) => {
  const edits: Edit[] = [];
  let events = 0;
  const isWhole = eachEvent(body, envelopeKeys, (start, end) => {
    if (++events > DECODED_EVENTS_MAX) return STOP;
    const [found, more, closing] = unpackEvent(body, start, end);
    if (closing === -1) return undefined;
    edits.push(...found);
    if (more.length > 0) edits.push(addMembers(body, closing, more));
    return undefined;
  });
  return isWhole && events <= DECODED_EVENTS_MAX ? applyEdits(body, edits) : body;
};

/** Edits within the event, members to add to it, and the place of its closing brace. */
function unpackEvent(body: Buffer, start: number, end: number): [Edit[], string[], number] {
  const edits: Edit[] = [];
  const more: string[] = [];
  const taken = new Set<string>();
  const closing = eachMember(body, start, end, (keyStart, keyEnd, valueStart, valueEnd) => {
    if (!isText(body, valueStart)) return undefined;
    if (isKey(body, keyStart, keyEnd, 'url')) {
      const attribution = attributionOf(textAt(body, valueStart, valueEnd) ?? '');
      if (attribution !== undefined) more.push(`"$attribution":${attribution}`);
    }
    const key = Object.keys(NAMES).find((name) => isKey(body, keyStart, keyEnd, name)) as
      | keyof typeof NAMES
      | undefined;
    if (key === undefined || taken.has(NAMES[key])) return undefined;
    const text = textAt(body, valueStart, valueEnd) ?? '';
    const data = dataOf(BASE64.includes(key) ? Buffer.from(text, 'base64').toString('utf8') : text);
    if (data === undefined) return undefined;
    taken.add(NAMES[key]);
    edits.push({ start: keyStart - 1, end: valueEnd, text: `"${NAMES[key]}":${data.text}` });
    const name = SCHEMA_NAME.exec(data.schema)?.[1];
    if (NAMES[key] === '$unstruct' && name !== undefined) more.push(`"$name":${JSON.stringify(name)}`);
    return undefined;
  });
  return [edits, more, closing];
}

/** The text of `data` in self-describing JSON, numbers to the digit, and the schema within it if it has one. */
function dataOf(json: string): { readonly text: string; readonly schema: string } | undefined {
  if (json.length > EMBEDDED_JSON_BYTES_MAX) return undefined;
  try {
    JSON.parse(json);
  } catch {
    return undefined;
  }
  const bytes = Buffer.from(json);
  const text = memberOf(bytes, 'data');
  if (text === undefined) return undefined;
  const schema = memberOf(Buffer.from(text), 'schema');
  return { text, schema: schema?.startsWith('"') ? String(JSON.parse(schema)) : '' };
}

function memberOf(bytes: Buffer, key: string): string | undefined {
  let text: string | undefined;
  const start = skipSpace(bytes, 0, bytes.length);
  if (endOfValue(bytes, start, bytes.length) === -1) return undefined;
  eachMember(bytes, start, bytes.length, (keyStart, keyEnd, valueStart, valueEnd) => {
    if (!isKey(bytes, keyStart, keyEnd, key)) return undefined;
    text = bytes.toString('utf8', valueStart, valueEnd);
    return true;
  });
  return text;
}

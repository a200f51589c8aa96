/**
 * Write keys in bodies: which app a frame belongs to whose head named no key. A key of the envelope counts for all of
 * its events; else each event must have one. Keys in events are replaced by the names of their apps, so that none is
 * stored, and so that one body may carry events of several apps. posthog-js writes the envelope's key into each event too.
 */
import { type KnownKey, UNKNOWN_KEY } from '../admission/apps.ts';
import type { BodyKeys } from '../dialects/dialect.ts';
import { DECODED_EVENTS_MAX } from '../limits.ts';
import type { Reason } from '../outcome.ts';
import { OPEN_APP } from '../slab/layout.ts';
import { applyEdits, type Edit } from './edits.ts';
import {
  eachEvent,
  eachMember,
  endOfValue,
  isArray,
  isKey,
  isObject,
  isText,
  STOP,
  skipSpace,
  textAt,
} from './json-walk.ts';

/** What admission knows of keys, in the worker. */
export interface KeyRing {
  readonly names: readonly string[];
  /** The app of a key, or UNKNOWN_KEY, and the number of the key. */
  match(key: string): KnownKey;
}

/** The app that all events have, or OPEN_APP when they name theirs, and the body that says so; and the number of the first key. */
export interface Resolved extends KnownKey {
  readonly body: Buffer;
}

/** Finds the keys of a body of JSON, or says why it is refused. */
export function resolveApp(
  body: Buffer,
  envelopeKeys: readonly string[],
  places: BodyKeys,
  ring: KeyRing,
): Resolved | Reason {
  const key = envelopeKey(body, places.envelope ?? []);
  if (key !== undefined) {
    const known = ring.match(key);
    if (known.app === UNKNOWN_KEY) return 'unauthorized';
    const named = renameKey(body, places.event ?? [], key, ring.names[known.app]);
    return { app: known.app, key: known.key, body: named };
  }
  const apps = new Set<number>();
  const edits: Edit[] = [];
  const known = new Map<string, KnownKey>();
  let firstKey = 0;
  let isTooLarge = false;
  const isWhole = eachEvent(body, envelopeKeys, (start, end) => {
    if (edits.length === DECODED_EVENTS_MAX) {
      isTooLarge = true;
      return STOP;
    }
    const place = placeOf(body, start, end, places.event ?? []);
    const text = place && textAt(body, ...place);
    const found = text === undefined ? undefined : (known.get(text) ?? ring.match(text));
    const app = found?.app ?? UNKNOWN_KEY;
    apps.add(app);
    if (app === UNKNOWN_KEY || place === undefined || text === undefined || found === undefined) return STOP;
    if (firstKey === 0) firstKey = found.key;
    known.set(text, found);
    edits.push({ start: place[0], end: place[1], text: JSON.stringify(ring.names[app]) });
    return undefined;
  });
  // What cannot be followed has no key either: nothing of it may be kept for an app.
  if (isTooLarge) return 'batch_too_large';
  if (!isWhole || apps.size === 0 || apps.has(UNKNOWN_KEY)) return 'unauthorized';
  const edited = applyEdits(body, edits);
  const [app] = apps;
  if (app !== undefined && apps.size === 1) return { app, key: firstKey, body: edited };
  // The scanner reads the names of the apps, so that nothing else may be where it looks for them.
  return isPlainlyNamed(body, envelopeKeys, places)
    ? { app: OPEN_APP, key: firstKey, body: edited }
    : 'unauthorized';
}

/**
 * The body with the app's name where one of the paths has the key, as compact JSON has it. The texts are looked for, the
 * paths not walked: a batch whose envelope has the key costs no walk over its events.
 */
function renameKey(body: Buffer, paths: readonly string[], key: string, name: string | undefined): Buffer {
  const edits: Edit[] = [];
  const value = JSON.stringify(key);
  for (const member of new Set(paths.filter((path) => path.includes('.')).map(lastKeyOf))) {
    const mark = Buffer.from(`${JSON.stringify(member)}:${value}`);
    for (let at = body.indexOf(mark); at !== -1; at = body.indexOf(mark, at + mark.length)) {
      // As often as there may be events; more of them are somebody's own texts.
      if (edits.length === DECODED_EVENTS_MAX) break;
      const end = at + mark.length;
      edits.push({ start: end - Buffer.byteLength(value), end, text: JSON.stringify(name) });
    }
  }
  return applyEdits(
    body,
    edits.sort((one, other) => one.start - other.start),
  );
}

const lastKeyOf = (path: string) => path.slice(path.lastIndexOf('.') + 1);

/** Whether every event has one of the paths and the envelope none, and no key is spelt with escapes on the way to them. */
function isPlainlyNamed(
  body: Buffer,
  envelopeKeys: readonly string[],
  { envelope = [], event = [] }: BodyKeys,
): boolean {
  const start = skipSpace(body, 0, body.length);
  const isAlone = skipSpace(body, endOfValue(body, start, body.length), body.length) === body.length;
  let isPlain = isAlone && (isArray(body, start) || countKeys(body, start, body.length, envelope) === 0);
  // Events in lines have no envelope: each is its own outermost object.
  eachEvent(body, envelopeKeys, (from, to) => {
    if (from === start) isPlain = true;
    isPlain &&= countKeys(body, from, to, event) === 1;
    return !isPlain;
  });
  return isPlain;
}

/** How many of the paths an object has, whatever their values are; many when a key on the way is spelt with escapes. */
function countKeys(body: Buffer, start: number, end: number, paths: readonly string[]): number {
  let count = 0;
  eachMember(body, start, end, (keyStart, keyEnd, valueStart, valueEnd) => {
    if (body.subarray(keyStart, keyEnd).includes(BACKSLASH)) count += 2;
    const own = paths.filter((path) => isKey(body, keyStart, keyEnd, path)).length;
    const prefix = `${body.toString('utf8', keyStart, keyEnd)}.`;
    const deeper = paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length));
    count += own + (deeper.length > 0 ? countKeys(body, valueStart, valueEnd, deeper) : 0);
    return count > 1;
  });
  return count;
}

const BACKSLASH = 0x5c;

/** The first of `keys` that an envelope has as a text, best first; the walk ends at the first of them that is found. */
function envelopeKey(body: Buffer, keys: readonly string[]): string | undefined {
  let found: string | undefined;
  const start = skipSpace(body, 0, body.length);
  if (!isObject(body, start) || keys.length === 0) return undefined;
  eachMember(body, start, body.length, (keyStart, keyEnd, valueStart, valueEnd) => {
    if (!isText(body, valueStart) || !keys.some((key) => isKey(body, keyStart, keyEnd, key)))
      return undefined;
    found = textAt(body, valueStart, valueEnd);
    return found !== undefined && found !== '';
  });
  return found;
}

type Place = [start: number, end: number];

/** Where the event has the first of the paths as a text. */
function placeOf(body: Buffer, start: number, end: number, paths: readonly string[]): Place | undefined {
  for (const path of paths) {
    let place: Place | undefined = [start, end];
    for (const key of path.split('.')) {
      const [from, to]: Place = place;
      place = undefined;
      if (isArray(body, from)) break;
      eachMember(body, from, to, (keyStart, keyEnd, valueStart, valueEnd) => {
        if (!isKey(body, keyStart, keyEnd, key)) return undefined;
        place = [valueStart, valueEnd];
        return true;
      });
      if (place === undefined) break;
    }
    if (place !== undefined && isText(body, place[0])) return place;
  }
  return undefined;
}

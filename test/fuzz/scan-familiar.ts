/** Events whose keys come in a familiar sequence, so that a scanner may expect it; mostly with one thing changed. */
import { ADDRESSES, AGENTS, below, KEYS, oneIn, pick, type Random, TIMES } from './scan-words.ts';

/** Sequences of keys that come again and again, so that a scanner may expect them; `@` is an object, `#` an array. */
const FAMILIAR = [
  ['event_id', 'event_type', 'app_id', 'device_id', 'timestamp', 'event_data@', 'context@'],
  ['event_id', 'event_type', 'app_id', 'user_id', 'a', 'k', 'event_data@', 'b#', 'platform'],
  ['event', 'userId', 'timestamp', 'context@', 'properties@', 'k'],
  ['event_id', 'event_type', 'app_id', 'user_id', 'ip', 'user_agent', 'event_data@'],
] as const;
const FAMILIAR_INSIDE = ['a', 'b', 'k', '_k', 'eight__8', 'device', 'name', 'ip', 'userAgent'] as const;

/** An event of a familiar sequence, mostly with one key changed, doubled, dropped, moved, spelt or spaced otherwise. */
export function familiar(random: Random, value: (random: Random, depth: number) => string): string {
  const keys: string[] = [...pick(random, FAMILIAR)];
  const change = below(random, 9);
  const at = below(random, keys.length);
  if (change === 0) keys[at] = pick(random, KEYS);
  else if (change === 1) keys.splice(at, 0, pick(random, keys));
  else if (change === 2) keys.splice(at, 1);
  else if (change === 3) keys.push(...keys.splice(at, 1));
  else if (change === 4) keys[at] = keys[at]!.replace('e', '\\u0065');
  const members = keys.map((key, index) => {
    const isOdd = change > 4 && index === at;
    const name = key.replace(/[@#]$/, '');
    const colon = isOdd && change === 5 ? ' : ' : ':';
    return `"${name}"${colon}${isOdd && change === 6 ? value(random, 1) : familiarValue(random, key)}`;
  });
  return `{${members.join(change === 7 ? ', ' : ',')}}`;
}

function familiarValue(random: Random, key: string): string {
  const inside = () => {
    const keys = FAMILIAR_INSIDE.slice(0, 3 + below(random, 7));
    if (oneIn(random, 6)) keys[below(random, keys.length)] = pick(random, FAMILIAR_INSIDE);
    const values = ['1', '"t"', '2.5', 'true', 'null', '{}', '[]', '"::1"'];
    return `{${keys.map((name) => `"${name}":${pick(random, values)}`)}}`;
  };
  if (key.endsWith('@')) return inside();
  if (key.endsWith('#')) return `[${Array.from({ length: below(random, 4) }, inside)}]`;
  if (key === 'timestamp') return pick(random, TIMES);
  if (key === 'ip') return `"${pick(random, ADDRESSES)}"`;
  if (key === 'user_agent') return `"${pick(random, AGENTS)}"`;
  return `"${pick(random, ['t', 'shop', 'a b', ''])}"`;
}

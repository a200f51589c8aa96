/** What the address of a page says of where its visitor came from. */
import { CLICK_IDS } from '../dialects/attribution.ts';
import { fieldsOf } from './query.ts';

/** A JSON object of the utm_* and click ids in a page's address or its query; undefined when there are none. */
export function attributionOf(
  address: string,
  isWanted: (name: string) => boolean = isAttribution,
): string | undefined {
  const question = address.indexOf('?');
  if (question === -1) return undefined;
  const hash = address.indexOf('#', question);
  const fields = fieldsOf(address.slice(question + 1, hash === -1 ? undefined : hash));
  const members = new Map(fields.filter(([name, value]) => value !== '' && isWanted(name)));
  return members.size === 0 ? undefined : JSON.stringify(Object.fromEntries(members));
}

function isAttribution(name: string): boolean {
  return name.startsWith('utm_') || isClickId(name);
}

/** Whether a field of an address is what an advertiser's click is known by. */
export function isClickId(name: string): boolean {
  return CLICK_IDS.includes(name);
}

/** What a page knows of itself. */
import type { Surroundings } from './platform.ts';

/** Fields of an address that belong to a campaign: utm_*, and the ids by which advertisers know a click. */
const CAMPAIGN =
  /^(utm_.+|g(ad_source|clid|clsrc|braid)|wbraid|dclid|fbclid|msclkid|tt?clid|twclid|li_fat_id|igshid|mc_cid|rdt_cid|irclid|epik|qclid|s[cC][cC]id)$/;
/** Addresses and titles beyond this are cut. */
const TEXT_LENGTH_MAX = 2048;

/** Of this page, at each moment. */
export const pageSurroundings: Surroundings = {
  platform: 'web',
  hasVisits: true,
  context: () => ({
    ...(typeof document === 'object' && {
      page: {
        url: cut(location.href),
        referrer: cut(document.referrer),
        title: cut(document.title),
      },
      screen: { width: screen.width, height: screen.height },
    }),
    locale: navigator.language,
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }),
  campaign: () => {
    if (typeof document !== 'object') return undefined;
    const found = [...new URLSearchParams(location.search)].filter(([name]) => CAMPAIGN.test(name));
    return found.length === 0
      ? undefined
      : Object.fromEntries(found.map(([name, value]) => [name, cut(value)] as const));
  },
};

function cut(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}

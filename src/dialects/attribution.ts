/** Fields of a page's address by which advertisers know a click: https://posthog.com/docs/data/utm-segmentation lists them. */
export const CLICK_IDS: readonly string[] = [
  ...['gclid', 'gclsrc', 'dclid', 'gbraid', 'wbraid', 'fbclid', 'msclkid', 'twclid', 'ttclid', 'li_fat_id'],
  ...['igshid', 'mc_cid', 'rdt_cid', 'irclid', 'epik', 'qclid', 'sccid', 'ScCid', 'ko_click_id'],
];

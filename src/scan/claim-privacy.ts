import type { Config } from '../config/config.ts';
import { IPV4_BYTES_KEPT, IPV6_BYTES_KEPT } from '../limits.ts';
import type { ClaimPrivacy } from './contract.ts';

/** Everything that an event says of itself. */
export const CLAIMS_KEPT: ClaimPrivacy = { ipv4BytesKept: 4, ipv6BytesKept: 16, keepsUserAgent: true };

const ADDRESS_BYTES_KEPT = {
  keep: CLAIMS_KEPT,
  truncate: { ipv4BytesKept: IPV4_BYTES_KEPT, ipv6BytesKept: IPV6_BYTES_KEPT },
  drop: { ipv4BytesKept: 0, ipv6BytesKept: 0 },
};

/** What is kept of claims as of connections (admission/client-address.ts); undefined where events may not say so. */
export function claimPrivacyOf({ fromEvents, ip, userAgent }: Config['privacy']): ClaimPrivacy | undefined {
  if (!fromEvents) return undefined;
  const { ipv4BytesKept, ipv6BytesKept } = ADDRESS_BYTES_KEPT[ip];
  return { ipv4BytesKept, ipv6BytesKept, keepsUserAgent: userAgent === 'keep' };
}

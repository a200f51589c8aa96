/**
 * The address that an event's `ip` column gets: the peer's, or behind trusted proxies the one they name, and as
 * much of it as the privacy setting keeps.
 */
import ipaddr from 'ipaddr.js';
import type { Config } from '../config/config.ts';
import { IPV4_BYTES_KEPT, IPV6_BYTES_KEPT } from '../limits.ts';

type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

const NONE = new Uint8Array(0);

export class ClientAddress {
  readonly #trusted: readonly Network[];
  readonly #privacy: Config['privacy']['ip'];

  /** `trustedProxies` are networks in CIDR, checked by the configuration. */
  constructor(trustedProxies: readonly string[], privacy: Config['privacy']['ip']) {
    this.#trusted = trustedProxies.map((network) => ipaddr.parseCIDR(network));
    this.#privacy = privacy;
  }

  /** Whether X-Forwarded-For needs to be read at all. */
  get readsForwarded(): boolean {
    return this.#trusted.length > 0 && this.#privacy !== 'drop';
  }

  /**
   * 4 or 16 bytes in network order, or none when addresses are dropped. `peer` is what uWebSockets gives (16
   * bytes for IPv4 too, as ::ffff:a.b.c.d); `forwarded` the X-Forwarded-For header. COPY.
   */
  of(peer: ArrayBuffer, forwarded: string): Uint8Array {
    // A connection that was reset has no address any more.
    if (this.#privacy === 'drop' || (peer.byteLength !== 4 && peer.byteLength !== 16)) return NONE;
    let address = unmapped(new Uint8Array(peer));
    if (forwarded !== '' && this.#isTrusted(address)) address = this.#forwarded(forwarded, address);
    return this.#privacy === 'truncate' ? truncated(address) : address;
  }

  /** The right-most address that is not a trusted proxy's: what stands left of it, anyone can have written. */
  #forwarded(header: string, peer: Uint8Array): Uint8Array {
    let address = peer;
    for (const hop of header.split(',').reverse()) {
      const text = hop.trim();
      if (!ipaddr.isValid(text)) return address;
      address = Uint8Array.from(ipaddr.process(text).toByteArray());
      if (!this.#isTrusted(address)) return address;
    }
    return address;
  }

  #isTrusted(address: Uint8Array): boolean {
    if (this.#trusted.length === 0) return false;
    const parsed = ipaddr.fromByteArray([...address]);
    return this.#trusted.some(
      ([network, bits]) => network.kind() === parsed.kind() && parsed.match(network as never, bits),
    );
  }
}

/** IPv4 in 4 bytes, however the socket gives it. COPY. */
function unmapped(address: Uint8Array): Uint8Array {
  if (address.length === 16 && address[10] === 0xff && address[11] === 0xff && zeroUntil(address, 10)) {
    return address.slice(12);
  }
  return address.slice();
}

function zeroUntil(address: Uint8Array, end: number): boolean {
  for (let at = 0; at < end; at++) if (address[at] !== 0) return false;
  return true;
}

function truncated(address: Uint8Array): Uint8Array {
  return address.fill(0, address.length === 4 ? IPV4_BYTES_KEPT : IPV6_BYTES_KEPT);
}

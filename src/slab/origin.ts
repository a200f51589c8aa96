// Hot path: one a request, one a connection.

/**
 * Who sent a frame: written into the slab once and found again there by the next frame of the same sender, so
 * that a WebSocket connection pays for its address and user agent once a slab, not once a message.
 */
export class Origin {
  /** 4 or 16 bytes in network order; empty when addresses are not kept. */
  readonly address: Uint8Array;
  readonly userAgent: string;
  /** Number of the write key; 0 for none. */
  readonly key: number;
  /** Generation of the slab in which the three offsets hold; 0 before the first. */
  generation = 0;
  addressOffset = 0;
  userAgentOffset = 0;
  userAgentLength = 0;

  constructor(address: Uint8Array, userAgent: string, key = 0) {
    this.address = address;
    this.userAgent = userAgent;
    this.key = key;
  }
}

/** Most bytes that an origin can take: a UTF-16 unit is at most 3 bytes of UTF-8. */
export function originBytesMax(origin: Origin): number {
  return origin.address.length + origin.userAgent.length * 3;
}

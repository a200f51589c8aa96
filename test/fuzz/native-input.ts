/**
 * Inputs of the fuzz targets in native/fuzz/: a slab of up to eight frames that share their route, app, transport,
 * address and user agent, as bytes that a fuzzer can change. native/fuzz/fixture.h reads them; the layout stands there.
 */
import type { FixtureFrame } from '../../bench/scan-fixture.ts';

/** Programs and apps of the targets' scanner (native-seeds.ts). */
export const ROUTES = 8;
const APPS = 3;
const HEAD_BYTES = 4;
const FRAMES_MAX = 8;
const FRAME_SPLIT = 0xfe;
const SPLIT_FLAG = 0x80;
const ADDRESS_BYTES = [0, 4, 16, 7];
const USER_AGENT_BYTES_MAX = 63;

/** Rows of `applyLimits` (native/fuzz/fixture.h): what is shipped, single events, few keys and levels, few bytes. */
export const LIMITS_ROWS = 4;

/** Flag of `variant`: the bodies are lines, which the targets of the encoders take as they are. */
export const LINES_VARIANT = 1;
/** Values of `variant`, of which native/fuzz/lines.h says what each bit chooses. */
export const VARIANTS = 32;

/** The input of one slab; what does not fit the head is left out or cut. `variant` is for the encoders' targets. */
export function encodeInput(frames: readonly FixtureFrame[], limitsRow: number, variant = 0): Buffer {
  const first = frames[0] ?? { body: '' };
  const address = Buffer.from(first.address ?? []);
  const addressKind = Math.max(0, ADDRESS_BYTES.indexOf(address.length));
  const agent = Buffer.from(first.userAgent ?? '').subarray(0, USER_AGENT_BYTES_MAX);
  const bodies = frames.slice(0, FRAMES_MAX).map(({ body }) => Buffer.from(body));
  const split = Buffer.from([FRAME_SPLIT]);
  return Buffer.concat([
    Buffer.from([
      (first.route ?? 0) + ROUTES * ((first.app ?? 0) + APPS * (first.transport ?? 0)),
      limitsRow | (variant << 2) | (bodies.length > 1 ? SPLIT_FLAG : 0),
      addressKind | (agent.length << 2),
      Math.min(255, Math.floor((first.receivedDeltaMs ?? 0) / 1000)),
    ]),
    address.subarray(0, ADDRESS_BYTES[addressKind]),
    agent,
    ...bodies.flatMap((body, index) => (index === 0 ? [body] : [split, body])),
  ]);
}

/** The frames of an input, as a regression file of the differential fuzzer can keep them; undefined without a head. */
export function decodeInput(input: Buffer): FixtureFrame[] | undefined {
  if (input.length < HEAD_BYTES) return undefined;
  const [kind = 0, limits = 0, ends = 0, seconds = 0] = input;
  const addressEnd = HEAD_BYTES + ADDRESS_BYTES[ends & 3]!;
  const agentEnd = addressEnd + (ends >> 2);
  const address = [...input.subarray(HEAD_BYTES, addressEnd)];
  const userAgent = input.subarray(addressEnd, agentEnd);
  const bodies: Buffer[] = [];
  let rest = input.subarray(agentEnd);
  while ((limits & SPLIT_FLAG) !== 0 && bodies.length + 1 < FRAMES_MAX) {
    const at = rest.indexOf(FRAME_SPLIT);
    if (at < 0) break;
    bodies.push(rest.subarray(0, at));
    rest = rest.subarray(at + 1);
  }
  return [...bodies, rest].map((body) => ({
    body,
    route: kind % ROUTES,
    app: Math.floor(kind / ROUTES) % APPS,
    transport: Math.floor(kind / (ROUTES * APPS)) % 2,
    receivedDeltaMs: seconds * 1000,
    ...(address.length > 0 && { address }),
    ...(userAgent.length > 0 && { userAgent }),
  }));
}

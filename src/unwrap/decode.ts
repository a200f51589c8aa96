// Hot path: once a frame.
/**
 * What stands between a plain body and the scanner, in this order: the dialect's decoders, whose body it is where the
 * path does not say, what the body gets of the request's head, and the app where the key stands in the body. Frames
 * of routes that need none of it cost one look.
 */
import type { Apps } from '../admission/apps.ts';
import type { LimitPage } from '../admission/limit-page.ts';
import type { DecoderName } from '../dialects/dialect.ts';
import { ReasonNumber } from '../outcome.ts';
import { readCarried } from '../slab/carried.ts';
import { APP_IN_BODY, FrameWord, OPEN_APP } from '../slab/layout.ts';
import { resolveApp } from './body-key.ts';
import { decodeClickIds } from './click-ids.ts';
import { decodeCloudEvent } from './cloudevents.ts';
import type { Decodable, Decoder } from './decoder.ts';
import { decodeFields } from './fields.ts';
import { decodeForm } from './form.ts';
import { addHeadMembers } from './head-members.ts';
import { skipSpace } from './json-walk.ts';
import { decodeList } from './list.ts';
import { decodeOperation } from './operation.ts';
import { recognise } from './recognise.ts';
import { decodeSnowplow } from './snowplow.ts';

/** The decoders by their names in tables. */
export const DECODER_BY_NAME = {
  form: decodeForm,
  fields: decodeFields,
  list: decodeList,
  operation: decodeOperation,
  snowplow: decodeSnowplow,
  cloudevents: decodeCloudEvent,
  clickIds: decodeClickIds,
} as const satisfies Record<DecoderName, Decoder>;

/** A route as the decoding sees it. */
export interface DecodableRoute extends Decodable {
  /** The body says whose it is. */
  readonly isOpen: boolean;
  readonly cannotRetry: boolean;
}

export interface DecodeSetup {
  readonly routes: readonly DecodableRoute[];
  /** The route of a dialect's batches. */
  routeOf(dialect: string): number;
  readonly apps: Apps;
  /** Undefined where nobody has a rate. */
  readonly limits?: Pick<LimitPage, 'isLimited'> | undefined;
}

/** The bodies of a slab, and where a new one goes. */
export interface FrameBodies {
  /** VIEW of the body of the frame, in the slab or in the arena. */
  bodyOf(row: number): Buffer;
  /** COPY of `body`; sets the frame's reason when there is no room for it. */
  replace(row: number, body: Buffer): void;
}

/** Decodes one frame. The head that it carries is `slab` from `headStart` to `headEnd`. */
export function decodeFrame(
  setup: DecodeSetup,
  words: Uint32Array,
  row: number,
  slab: Buffer,
  headStart: number,
  headEnd: number,
  bodies: FrameBodies,
): void {
  const isKeyInBody = words[row + FrameWord.app] === APP_IN_BODY;
  if (isKeyInBody) words[row + FrameWord.app] = OPEN_APP;
  let route = setup.routes[words[row + FrameWord.route]!]!;
  if (words[row + FrameWord.reason] !== 0) return;
  if (!route.isOpen && !isKeyInBody && route.decoders.length === 0 && headStart === headEnd) return;

  const carried = readCarried(slab, headStart, headEnd);
  const plain = bodies.bodyOf(row);
  if (route.isOpen) {
    const recognised = recognise(plain);
    if (recognised === undefined) {
      words[row + FrameWord.reason] = ReasonNumber.not_found;
      return;
    }
    words[row + FrameWord.route] = setup.routeOf(recognised);
    route = setup.routes[words[row + FrameWord.route]!]!;
  }
  let body = plain;
  for (const name of route.decoders) body = DECODER_BY_NAME[name](body, carried, route);
  body = addHeadMembers(body, carried, route);
  // A body of nothing needs no key: the scanner says that it is empty.
  if (isKeyInBody && skipSpace(body, 0, body.length) < body.length) {
    const resolved = resolveApp(body, route.envelopeKeys, route.bodyKeys ?? {}, setup.apps);
    if (typeof resolved === 'string') {
      words[row + FrameWord.reason] = ReasonNumber[resolved];
      return;
    }
    if (!setup.apps.allowsOrigin(resolved.app, carried.headers['origin'] ?? '')) {
      words[row + FrameWord.reason] = ReasonNumber.forbidden_origin;
      return;
    }
    words[row + FrameWord.app] = resolved.app;
    words[row + FrameWord.key] = resolved.key;
    const app = setup.apps.keyOf(resolved.key)?.app ?? resolved.app;
    if (setup.limits?.isLimited(app, resolved.key, route.cannotRetry) === true) {
      words[row + FrameWord.reason] = ReasonNumber.rate_limited;
      return;
    }
    body = resolved.body;
  }
  if (body !== plain) bodies.replace(row, body);
}

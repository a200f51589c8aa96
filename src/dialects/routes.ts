/** Every ingest route of every dialect, with its compiled program; a frame row's `route` is an index into ROUTES. */
import { assert } from '../assert.ts';
import { PATH_FOLDERS_MAX } from '../limits.ts';
import { outcome, type Reason, type Status } from '../outcome.ts';
import { amplitude } from './amplitude.ts';
import { cloudevents } from './cloudevents.ts';
import { compileDialect, type Program } from './compile.ts';
import {
  type Answers,
  type BodyKeys,
  type DecoderName,
  type Dialect,
  type DialectRoute,
  Shape,
} from './dialect.ts';
import { jitsu } from './jitsu.ts';
import { mixpanel } from './mixpanel.ts';
import { penstock } from './penstock.ts';
import { pixel } from './pixel.ts';
import { posthog } from './posthog.ts';
import { segment } from './segment.ts';
import { snowplow } from './snowplow.ts';

/** All tables, Penstock's own first. */
export const DIALECTS: readonly Dialect[] = [
  ...[penstock, segment, posthog, snowplow, amplitude, mixpanel, jitsu, cloudevents, pixel],
];

/** Where write keys may stand beside the places that all routes share (admission/write-key.ts). */
export interface KeyPlaces {
  /** In lower case, as uWebSockets has them. */
  readonly headers: readonly string[];
  readonly query: readonly string[];
}

type Named = readonly [name: string, key: string];

export interface Route {
  /** Path of the HTTP door; undefined for the stream, whose messages are frames of shape batch. */
  readonly path: string | undefined;
  /** Taken by GET too. */
  readonly get: boolean;
  readonly program: Program;
  readonly keyPlaces: KeyPlaces;
  readonly bodyKeys: BodyKeys | undefined;
  readonly decoders: readonly DecoderName[];
  readonly envelopeKeys: readonly string[];
  /** What goes from the request's head to the worker, if anything: the query, these headers, and those that begin so. */
  readonly carries:
    | { readonly query: boolean; readonly headers: readonly string[]; readonly prefixes: readonly string[] }
    | undefined;
  readonly headMembers: { readonly headers: readonly Named[]; readonly query: readonly Named[] };
  /** The body says whose it is; the frame's route changes to that one's. */
  readonly isOpen: boolean;
  readonly cannotRetry: boolean;
  /** How every request that could be read, or was empty, is answered; undefined where answers are Penstock's own. */
  readonly answers: Answers | undefined;
  /** HTTP status of a request that is refused for the reason. */
  statusOf(reason: Reason): Status;
}

/** By dialect, shape, defaults and claims: routes that differ in their path only share a program. */
const compiled = new Map<string, Program>();

/** Paths that belong to several dialects: Amplitude's, PostHog's and some proxies' batches; a host without a path. */
const OPEN_PATHS = ['/batch', '/'];

/** By a frame row's `route`; events say nothing of their own address and user agent. */
export const ROUTES = layRoutes(false);

/** The same routes; in their programs events may say so when `takesClaims`. */
export function routesOf(takesClaims: boolean): readonly Route[] {
  return takesClaims ? layRoutes(true) : ROUTES;
}

function layRoutes(takesClaims: boolean): readonly Route[] {
  return [
    { ...routeOf(penstock, { shape: Shape.batch }, takesClaims), path: undefined },
    ...OPEN_PATHS.map((path) => openRoute(path, takesClaims)),
    ...DIALECTS.flatMap((dialect) =>
      dialect.routes.map((route) => ({ ...routeOf(dialect, route, takesClaims), path: route.path })),
    ),
  ];
}

/** By a frame row's `route`, its dialect's name until the body says whose it is. */
export const DIALECT_OF_ROUTE: readonly string[] = ROUTES.map(({ program }) => program.dialect);

/** Route of a message on `/v1/stream`. */
export const STREAM_ROUTE = 0;
/** Route of a request on a path that is nobody's. */
export const OPEN_ROUTE = 1;
/** Route of CloudEvents, which say by their headers what they are. */
export const CLOUDEVENTS_ROUTE = routeOfDialect('cloudevents');

const byPath = new Map(ROUTES.map((route, index) => [route.path, index]));
assert(byPath.size === ROUTES.length, 'a path belongs to one route');

/** The route of a batch that is the dialect's by its looks. */
export function routeOfDialect(name: string): number {
  const index = ROUTES.findIndex(
    ({ program, isOpen, path }) =>
      !isOpen && path !== undefined && program.dialect === name && program.shape === Shape.batch,
  );
  assert(index !== -1, `${name} takes batches`);
  return index;
}

/**
 * The route whose path stands behind a prefix (`/collect/v1/batch`), behind doubled slashes, or before a last one;
 * undefined when there is none.
 */
export function routeBehindPrefix(path: string): number | undefined {
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length;
  let at = 0;
  for (let folders = 0; at !== -1 && folders <= PATH_FOLDERS_MAX; folders++) {
    const rest = path.slice(at, end);
    const index = rest.length > 1 ? byPath.get(rest) : undefined;
    if (index !== undefined) return index;
    at = path.indexOf('/', at + 1);
  }
  return undefined;
}

/** A route whose requests are the dialect's that their bodies have; until that is known it answers as the strictest does. */
function openRoute(path: string, takesClaims: boolean): Route {
  const route = routeOf(amplitude, { shape: Shape.batch }, takesClaims);
  return {
    ...route,
    path,
    isOpen: true,
    keyPlaces: { headers: ['x-write-key'], query: ['writeKey'] },
    // Where exactly is the recognised dialect's to say.
    bodyKeys: {},
    decoders: [],
    carries: {
      query: false,
      headers: DIALECTS.flatMap(({ head }) => Object.keys(head?.headers ?? {})),
      prefixes: [],
    },
    // It may be a client that takes 429 for never (dialects/posthog.ts).
    statusOf: (reason) => (reason === 'rate_limited' ? 503 : outcome(reason).status),
  };
}

function routeOf(
  dialect: Dialect,
  { shape, defaults, get = false }: Omit<DialectRoute, 'path'>,
  takesClaims: boolean,
): Omit<Route, 'path'> {
  const { keyPlaces, answers, head, decoders = [] } = dialect;
  const statuses = answers?.statuses;
  const headers = Object.entries(head?.headers ?? {});
  const query = Object.entries(head?.query ?? {});
  const carried = [...headers.map(([name]) => name), ...(head?.carries ?? [])];
  return {
    get,
    program: programOf(dialect, shape, defaults, takesClaims),
    keyPlaces: {
      headers: (keyPlaces?.headers ?? []).map((name) => name.toLowerCase()),
      query: keyPlaces?.query ?? [],
    },
    bodyKeys: dialect.bodyKeys,
    decoders,
    envelopeKeys: dialect.envelopeKeys,
    carries:
      carried.length === 0 && query.length === 0 && !get
        ? undefined
        : {
            query: query.length > 0 || get,
            headers: carried.filter((name) => !name.endsWith('*')),
            prefixes: carried.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1)),
          },
    headMembers: { headers, query },
    isOpen: false,
    cannotRetry: dialect.cannotRetry ?? false,
    answers,
    statusOf: (reason) => statuses?.[reason] ?? outcome(reason).status,
  };
}

function programOf(
  dialect: Dialect,
  shape: Shape,
  defaults: DialectRoute['defaults'],
  takesClaims: boolean,
): Program {
  const key = JSON.stringify([dialect.name, shape, defaults, takesClaims]);
  const program = compiled.get(key) ?? compileDialect(dialect, shape, defaults, takesClaims);
  compiled.set(key, program);
  return program;
}

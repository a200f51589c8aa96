/** Every ingest route of every dialect, with its compiled program; a frame row's `route` is an index into ROUTES. */
import { assert } from '../assert.ts';
import { outcome, type Reason, type Status } from '../outcome.ts';
import { compileDialect, type Program } from './compile.ts';
import { type Dialect, type DialectRoute, Shape } from './dialect.ts';
import { penstock } from './penstock.ts';
import { segment } from './segment.ts';

const DIALECTS: readonly Dialect[] = [penstock, segment];

/** Where write keys may stand beside the places that all routes share (admission/write-key.ts). */
export interface KeyPlaces {
  /** In lower case, as uWebSockets has them. */
  readonly headers: readonly string[];
  readonly query: readonly string[];
}

export interface Route {
  /** Path of the HTTP door; undefined for the stream, whose messages are frames of shape batch. */
  readonly path: string | undefined;
  readonly program: Program;
  readonly keyPlaces: KeyPlaces;
  /** Body of a 200 for every request that could be read, or was empty; undefined where answers are Penstock's own. */
  readonly okBody: Uint8Array | undefined;
  /** HTTP status of a request that is refused for the reason. */
  statusOf(reason: Reason): Status;
}

/** By dialect, shape and defaults: routes that differ in their path only share a program. */
const compiled = new Map<string, Program>();

/** By a frame row's `route`. */
export const ROUTES: readonly Route[] = [
  { ...routeOf(penstock, { shape: Shape.batch }), path: undefined },
  ...DIALECTS.flatMap((dialect) =>
    dialect.routes.map((route) => ({ ...routeOf(dialect, route), path: route.path })),
  ),
];

/** Route of a message on `/v1/stream`. */
export const STREAM_ROUTE = 0;

function routeOf(dialect: Dialect, { shape, defaults }: Omit<DialectRoute, 'path'>): Omit<Route, 'path'> {
  const { keyPlaces, answers } = dialect;
  const statuses = answers?.statuses;
  return {
    program: programOf(dialect, shape, defaults),
    keyPlaces: {
      headers: (keyPlaces?.headers ?? []).map((name) => name.toLowerCase()),
      query: keyPlaces?.query ?? [],
    },
    okBody: answers === undefined ? undefined : Buffer.from(answers.ok),
    statusOf: (reason) => statuses?.[reason] ?? outcome(reason).status,
  };
}

function programOf(dialect: Dialect, shape: Shape, defaults: DialectRoute['defaults']): Program {
  const key = JSON.stringify([dialect.name, shape, defaults]);
  const program = compiled.get(key) ?? compileDialect(dialect, shape, defaults);
  compiled.set(key, program);
  return program;
}

const paths = ROUTES.map((route) => route.path);
assert(new Set(paths).size === paths.length, 'a path belongs to one route');

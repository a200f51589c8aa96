/** Every ingest route of every dialect, with its compiled program; a frame row's `route` is an index into ROUTES. */
import { compileDialect, type Program } from './compile.ts';
import { type Dialect, Shape } from './dialect.ts';
import { penstock } from './penstock.ts';

const DIALECTS: readonly Dialect[] = [penstock];

export interface Route {
  /** Path of the HTTP door; undefined for the stream, whose messages are frames of shape batch. */
  readonly path: string | undefined;
  readonly program: Program;
}

/** By a frame row's `route`. */
export const ROUTES: readonly Route[] = [
  { path: undefined, program: compileDialect(penstock, Shape.batch) },
  ...DIALECTS.flatMap((dialect) =>
    dialect.routes.map((route) => ({ path: route.path, program: compileDialect(dialect, route.shape) })),
  ),
];

/** Route of a message on `/v1/stream`. */
export const STREAM_ROUTE = 0;

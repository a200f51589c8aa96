/**
 * A dialect is data: one table that says how the JSON of an SDK family becomes canonical events. The scanner
 * follows the compiled table (compile.ts) and knows no dialect by name; adding an SDK of a known shape adds a
 * table and nothing else.
 */
import type { ClientColumn } from '../event.ts';

/** What a route takes: one object, or any of object, array, envelope and NDJSON. */
export const Shape = { single: 'single', batch: 'batch' } as const;
export type Shape = (typeof Shape)[keyof typeof Shape];

export interface DialectRoute {
  readonly path: string;
  readonly shape: Shape;
}

export interface Dialect {
  /** Value of the `dialect` column. */
  readonly name: string;
  /** POST routes, each taken with and without a trailing slash. */
  readonly routes: readonly DialectRoute[];
  /** Keys under which a body of shape `batch` may carry its array of events. */
  readonly envelopeKeys: readonly string[];
  /**
   * For each canonical column the JSON paths that may fill it, the first one present and not null winning.
   * A path is keys joined by dots, from the event's root. Its text is also the `field` of an error answer.
   */
  readonly columns: { readonly [Name in ClientColumn]?: readonly string[] };
  /** The object column that takes top-level fields which no path names; nothing a client sent is dropped. */
  readonly rest: 'context' | 'event_data';
  /** Columns that must be there; of an inner list, any one. */
  readonly required: readonly (ClientColumn | readonly ClientColumn[])[];
}

/**
 * The npm binding of simdjson (package `simdjson`), a reader of JSON that is not ours. Its addon is built by
 * scripts/simdjson-witness.mjs and may be missing; docs/decisions.md says why it is a witness and no more.
 */
import { createRequire } from 'node:module';

export interface SimdjsonWitness {
  /** Whether the text, written as UTF-8, is one JSON value. Lone surrogates come to it as U+FFFD. */
  isValid(text: string): boolean;
  /** The value of the text. Throws where it is not JSON. */
  parse(text: string): unknown;
}

/** The binding, or undefined where it is not built. */
export function loadWitness(): SimdjsonWitness | undefined {
  try {
    // From the root of the repository: the bench that also uses it runs from dist.
    return createRequire(`${process.cwd()}/package.json`)(
      './build/simdjson/simdjson.node',
    ) as SimdjsonWitness;
  } catch {
    return undefined;
  }
}

/** A bug in Penstock, never bad input: reaching one means that a stage broke its contract. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws AssertionError when `condition` does not hold. One condition a call. */
export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionError(what);
}

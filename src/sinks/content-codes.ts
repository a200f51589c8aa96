/**
 * ClickHouse's codes for errors that lie in the rows: texts that cannot be parsed, values out of range, a body that was
 * cut. Only for these is a block taken apart; what is not known may be the server's fault, and accepted events wait.
 */
export const CONTENT_CODES: ReadonlySet<number> = new Set([
  6, 7, 25, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 128, 130, 131, 190, 306, 321, 349, 407, 441, 675,
  676,
]);

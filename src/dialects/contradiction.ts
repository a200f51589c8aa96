/** A dialect's table that cannot be meant as it stands: a fault of the build, found when routes are made. */
export function contradiction(dialect: string, path: string, what: string): Error {
  return new Error(`dialect ${dialect}: ${path}: ${what}`);
}

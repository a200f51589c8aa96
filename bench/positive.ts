import { InvalidArgumentError } from 'commander';

/** A number above 0 from the command line. */
export function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('must be a number above 0');
  return value;
}

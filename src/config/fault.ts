/** One thing that is wrong with the configuration, in words for the operator; never holds a secret. */
export interface ConfigFault {
  /** `environment`, or the file with line and column where they are known. */
  readonly source: string;
  /** Key such as `http.port` or `apps[0].name`, or the variable's name; empty for the file as a whole. */
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** One line of text: source, path, expected, got. */
export function formatFault(fault: ConfigFault): string {
  const place = fault.path === '' ? fault.source : `${fault.source}: ${fault.path}`;
  return `${place}: expected ${fault.expected}, got ${fault.got}`;
}

/** A value as a fault shows it. Write keys are hidden, and so is whatever stands where one may have been meant. */
export function describeValue(path: readonly PropertyKey[], value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a section';
  const isSafe =
    path.at(-1) !== 'sasl_password' && (path[0] !== 'apps' || path[2] === 'name' || path[2] === 'origins');
  if (!isSafe) return '<hidden>';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(
    value.length > VALUE_CHARACTERS_MAX ? `${value.slice(0, VALUE_CHARACTERS_MAX)}…` : value,
  );
}

/** Enough to recognise a value in the file; a fault stays one line. */
const VALUE_CHARACTERS_MAX = 60;

/** `apps[0].name` from its steps. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, depth) =>
      typeof step === 'number' ? `[${step}]` : `${depth === 0 ? '' : '.'}${String(step)}`,
    )
    .join('');
}

/** The sources of text and time columns, with the texts of a route behind the paths that they stand in for. */
import { CLIENT_COLUMNS, type ClientColumn, type Column, ColumnKind, type ScalarColumn } from '../event.ts';
import { contradiction } from './contradiction.ts';
import type { ConstantSource, Dialect, PathSource } from './dialect.ts';
import { type GuardList, guardsOf } from './guards.ts';
import type { ProgramSource } from './program.ts';

/** Columns that tell events, people and times apart: a constant in them would make all events one. */
const NEVER_CONSTANT: readonly string[] = ['event_id', 'device_id', 'user_id', 'timestamp'];
/** A row of CLIENT_COLUMNS, by its name. */
type NamedColumn = Column & { readonly name: ClientColumn };
const EMPTY = new Uint8Array(0);

/** The sources of a text or time column as the table has them, bare paths spelt out; none for object columns. */
export function sourcesOf(dialect: Dialect, name: ClientColumn): readonly (PathSource | ConstantSource)[] {
  const sources = isScalar(name) ? (dialect.columns[name] ?? []) : [];
  return sources.map((source) => (typeof source === 'string' ? { path: source } : source));
}

function isScalar(name: ClientColumn): name is ScalarColumn {
  return CLIENT_COLUMNS.some((column) => column.name === name && column.kind !== ColumnKind.object);
}

/** The paths of a text or time column, without those of its guards. */
export function columnPathsOf(dialect: Dialect, name: ClientColumn): string[] {
  return sourcesOf(dialect, name).flatMap((source) => ('path' in source ? [source.path] : []));
}

/** Every path that text and time columns read, guards included, in the order of the table. */
export function sourcePathsOf(dialect: Dialect): string[] {
  return CLIENT_COLUMNS.flatMap(({ name }) =>
    sourcesOf(dialect, name).flatMap((source) => [
      ...('path' in source ? [source.path] : []),
      ...guardsOf(source.when).map((guard) => guard.path),
    ]),
  );
}

/** The sources of one column. Throws on those that can never be reached and on those that the column cannot take. */
export function compileSources(
  dialect: Dialect,
  column: NamedColumn,
  guards: GuardList,
  slotOf: (path: string) => number,
  defaults: Readonly<Record<string, string>>,
): ProgramSource[] {
  const fault = (path: string, what: string) => contradiction(dialect.name, path, `${column.name}: ${what}`);
  const compiled: ProgramSource[] = [];
  let certain: string | undefined;
  for (const source of sourcesOf(dialect, column.name)) {
    const name = 'path' in source ? source.path : JSON.stringify(source.constant);
    if (certain !== undefined) throw fault(name, `stands behind ${certain}, which is always there`);
    const bits = guards.add(source.when);
    if (!('path' in source)) {
      compiled.push(constantSource(column, source.constant, bits, fault));
      if (bits === 0) certain = name;
      continue;
    }
    checkOperators(column, source, fault);
    const slot = slotOf(source.path);
    const { after = '', unless = '', exact = false } = source;
    if (compiled.some((other) => other.slot === slot && isWider(other, bits))) {
      throw fault(source.path, 'stands twice');
    }
    compiled.push({
      slot,
      guards: bits,
      constant: EMPTY,
      after: Buffer.from(after),
      unless: Buffer.from(unless),
      isExact: exact,
    });
    const standIn = defaults[source.path];
    if (standIn === undefined || !standIn.startsWith(after)) continue;
    if (unless !== '' && standIn.startsWith(unless)) continue;
    compiled.push(constantSource(column, standIn.slice(after.length), bits, fault));
    // What else the table has for the column is for its other routes.
    if (bits === 0) break;
  }
  return compiled;
}

/** Whether `other`, which stands before it, takes whatever a source of the same slot under `bits` could. */
function isWider(other: ProgramSource, bits: number): boolean {
  return (other.guards & ~bits) === 0 && other.after.length === 0 && other.unless.length === 0;
}

function constantSource(
  column: Column,
  text: string,
  guards: number,
  fault: (path: string, what: string) => Error,
): ProgramSource {
  const quoted = JSON.stringify(text);
  if (NEVER_CONSTANT.includes(column.name)) throw fault(quoted, 'takes no constant');
  const bytes = Buffer.byteLength(text);
  if (bytes === 0 || bytes < column.bytesMin || bytes > column.bytesMax) {
    throw fault(quoted, `takes 1 to ${column.bytesMax} bytes`);
  }
  return { slot: -1, guards, constant: Buffer.from(quoted), after: EMPTY, unless: EMPTY, isExact: false };
}

/** What stands between quotes in a body just as it is spelt: prefixes are compared with the raw bytes. */
const PLAIN = /^[ !#-.0-[\]-~]*$/;

function checkOperators(
  column: Column,
  source: PathSource,
  fault: (path: string, what: string) => Error,
): void {
  const isTime = column.kind === ColumnKind.timestamp;
  if (source.exact !== undefined && !isTime) throw fault(source.path, '`exact` is said of times');
  for (const prefix of [source.after, source.unless]) {
    if (prefix === undefined) continue;
    if (isTime) throw fault(source.path, '`after` and `unless` are said of texts');
    if (prefix === '' || !PLAIN.test(prefix)) {
      throw fault(source.path, 'a prefix is of printable ASCII without quote, slash and backslash');
    }
  }
}

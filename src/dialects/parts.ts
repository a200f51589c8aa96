/** Object columns: the paths that fill them, or the parts of which they are composed. */
import { CLIENT_COLUMNS, ColumnKind, type ObjectColumn } from '../event.ts';
import { contradiction } from './contradiction.ts';
import type { Dialect, EachPart, MemberPart, ObjectSource, Part } from './dialect.ts';
import { compileLiteral, type GuardList, guardsOf } from './guards.ts';
import { lastKeyOf } from './paths.ts';
import type { ProgramPart, ProgramSource } from './program.ts';

/** The object columns in canonical order. */
const OBJECT_COLUMNS = CLIENT_COLUMNS.flatMap(({ name, kind }) =>
  kind === ColumnKind.object ? [name as ObjectColumn] : [],
);
const EMPTY = new Uint8Array(0);

/** The parts of a composed column; none for any other. */
export function partsOf(dialect: Dialect, column: string): readonly Part[] {
  const source = objectSourceOf(dialect, column);
  return source !== undefined && 'compose' in source ? source.compose : [];
}

/** The paths of an object column that is taken as sent; none for any other. */
export function objectPathsOf(dialect: Dialect, column: string): readonly string[] {
  const source = objectSourceOf(dialect, column);
  return source === undefined || 'compose' in source ? [] : source;
}

function objectSourceOf(dialect: Dialect, column: string): ObjectSource | undefined {
  const name = OBJECT_COLUMNS.find((candidate) => candidate === column);
  return name === undefined ? undefined : dialect.columns[name];
}

/** Every path that object columns read, guards included, in the order of the table. */
export function partPathsOf(dialect: Dialect): string[] {
  return OBJECT_COLUMNS.flatMap((name) => [
    ...objectPathsOf(dialect, name),
    ...partsOf(dialect, name).flatMap((part) => [
      'member' in part ? part.member : part.each,
      ...guardsOf(part.when).map((guard) => guard.path),
    ]),
  ]);
}

/** The sources of an object column that is taken as sent. */
export function compileObjectPaths(
  dialect: Dialect,
  column: string,
  slotOf: (path: string) => number,
): ProgramSource[] {
  const paths = objectPathsOf(dialect, column);
  return paths.map((path, index) => {
    if (paths.indexOf(path) !== index) throw contradiction(dialect.name, path, `${column}: stands twice`);
    return { slot: slotOf(path), guards: 0, constant: EMPTY, after: EMPTY, unless: EMPTY, isExact: false };
  });
}

/** The parts of a composed column. Throws on keys that a line would have to escape. */
export function compileParts(
  dialect: Dialect,
  column: string,
  guards: GuardList,
  slotOf: (path: string) => number,
): ProgramPart[] {
  return partsOf(dialect, column).map((part) =>
    'member' in part
      ? compileMember(dialect, part, guards, slotOf(part.member))
      : compileEach(dialect, part, guards, slotOf(part.each)),
  );
}

function compileMember(dialect: Dialect, part: MemberPart, guards: GuardList, slot: number): ProgramPart {
  return {
    slot,
    guards: guards.add(part.when),
    isEach: false,
    usesUp: true,
    key: keyBytes(dialect, part.member, part.as ?? lastKeyOf(part.member)),
    patterns: [],
    dropped: [],
    renames: [],
  };
}

function compileEach(dialect: Dialect, part: EachPart, guards: GuardList, slot: number): ProgramPart {
  const { each, keys = [], isNot = [], rename = {}, prefix = '' } = part;
  const renames = Object.entries(rename);
  guards.countLiterals(each, keys.length + isNot.length + renames.length);
  if (part.keys?.length === 0) throw contradiction(dialect.name, each, 'takes no key at all');
  return {
    slot,
    guards: guards.add(part.when),
    isEach: true,
    usesUp: keys.length === 0 && isNot.length === 0,
    key: keyBytes(dialect, each, prefix),
    patterns: keys.map((key) =>
      key.endsWith('*')
        ? { bytes: Buffer.from(key.slice(0, -1)), isPrefix: true }
        : { bytes: Buffer.from(key), isPrefix: false },
    ),
    dropped: isNot.map(compileLiteral),
    renames: renames.map(([from, to]) => ({ from: Buffer.from(from), to: keyBytes(dialect, each, to) })),
  };
}

function keyBytes(dialect: Dialect, path: string, key: string): Uint8Array {
  if (JSON.stringify(key) !== `"${key}"`) {
    throw contradiction(dialect.name, path, `key ${JSON.stringify(key)} would have to be escaped`);
  }
  return Buffer.from(key);
}

/** Whether two keys of these parts can be the same: members by their names, and whatever comes beside members of others. */
export function mayCollide(parts: readonly ProgramPart[]): boolean {
  if (parts.length === 1) return parts[0]?.renames.length !== 0;
  const keys = parts.map(({ key }) => Buffer.from(key).toString('hex'));
  return parts.some(({ isEach }) => isEach) || new Set(keys).size < keys.length;
}

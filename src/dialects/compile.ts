/** Compiles a dialect's table into its program (program.ts), for one of its routes. */
import { CLIENT_COLUMNS, type ClientColumn, ColumnIndex, ColumnKind } from '../event.ts';
import { PROGRAM_PARTS_MAX, PROGRAM_SOURCES_MAX } from '../limits.ts';
import { claimGuardPathsOf, claimPathsOf, compileClaims } from './claims.ts';
import { contradiction } from './contradiction.ts';
import { type Dialect, Shape } from './dialect.ts';
import { GuardList, guardsOf } from './guards.ts';
import {
  compileObjectPaths,
  compileParts,
  mayCollide,
  objectPathsOf,
  partPathsOf,
  partsOf,
} from './parts.ts';
import { keysOf, layPaths, type Paths } from './paths.ts';
import type {
  Program,
  ProgramClaim,
  ProgramColumn,
  ProgramPart,
  ProgramRequirement,
  ProgramSlot,
} from './program.ts';
import { columnPathsOf, compileSources, sourcePathsOf } from './sources.ts';

export type { Program } from './program.ts';

/**
 * The program of one shape of a dialect; `defaults` are what a route gives to paths that the event does not fill. The table's
 * claims are left out unless `takesClaims`. Throws on a table that contradicts itself, naming dialect and path: a start-up
 * fault.
 */
export function compileDialect(
  table: Dialect,
  shape: Shape,
  defaults: Readonly<Record<string, string>> = {},
  takesClaims = false,
): Program {
  const dialect = takesClaims ? table : { ...table, claims: {} };
  const paths = layPaths(dialect.name, pathsOf(dialect), shape === Shape.batch ? dialect.envelopeKeys : []);
  checkSecrets(dialect);
  checkTimes(dialect);
  const guards = new GuardList(dialect.name, paths.slotOf, defaults);
  const parts: ProgramPart[] = [];
  const columns = CLIENT_COLUMNS.map((column): ProgramColumn => {
    const partStart = parts.length;
    if (column.kind !== ColumnKind.object) {
      const sources = compileSources(dialect, column, guards, paths.slotOf, defaults);
      return { sources, partStart, partEnd: partStart, mayCollide: false };
    }
    const ownParts = compileParts(dialect, column.name, guards, paths.slotOf);
    parts.push(...ownParts);
    const sources = compileObjectPaths(dialect, column.name, paths.slotOf);
    return { sources, partStart, partEnd: parts.length, mayCollide: mayCollide(ownParts) };
  });
  const directGuards = guards.add(dialect.direct);
  const claims = compileClaims(dialect, guards, paths.slotOf);
  checkCounts(dialect, columns, parts);
  checkDefaults(dialect, defaults);
  const appPaths = columnPathsOf(dialect, 'app_id');
  const slots = paths.fields.map((path, slot) => compileSlot(dialect, paths, appPaths, path, slot));
  const { lenient = false, sentAt = [], batchEventsMax = 0 } = dialect;
  const isSimple = !lenient && sentAt.length === 0 && parts.length === 0;
  const allClaims = [...claims.ipClaims, ...claims.userAgentClaims];
  return {
    dialect: dialect.name,
    shape,
    isPlain: isSimple && isPlain(columns, allClaims, guards, paths, slots),
    isLenient: lenient,
    batchEventsMax,
    nodes: paths.nodes,
    envelopeNode: paths.envelopeNode,
    slots,
    fields: paths.fields,
    eventSlotCount: paths.eventSlotCount,
    guards: guards.guards,
    columns,
    parts,
    sentAtSlots: sentAt.map(paths.slotOf),
    directGuards,
    ...claims,
    restColumn: ColumnIndex[dialect.rest],
    required: dialect.required.map((group) => compileRequirement(dialect, columns, group)),
  };
}

/** All paths of a table, in its order. */
function pathsOf(dialect: Dialect): string[] {
  return [
    ...sourcePathsOf(dialect),
    ...partPathsOf(dialect),
    ...(dialect.sentAt ?? []),
    ...(dialect.secrets ?? []),
    ...guardsOf(dialect.direct).map((guard) => guard.path),
    ...claimPathsOf(dialect),
    ...claimGuardPathsOf(dialect),
  ];
}

function compileSlot(
  dialect: Dialect,
  paths: Paths,
  appPaths: readonly string[],
  path: string,
  slot: number,
): ProgramSlot {
  return {
    namedColumn: paths.namedColumns[slot] ?? -1,
    isSecret: dialect.secrets?.includes(path) ?? false,
    isAppSource: appPaths.includes(path),
  };
}

function isPlain(
  columns: readonly ProgramColumn[],
  claims: readonly ProgramClaim[],
  guards: GuardList,
  paths: Paths,
  slots: readonly ProgramSlot[],
): boolean {
  const sources = columns.flatMap((column) => column.sources);
  const read = [...sources, ...claims];
  return (
    guards.guards.length === 0 &&
    paths.eventSlotCount === slots.length &&
    new Set(read.map(({ slot }) => slot)).size === read.length &&
    slots.every(({ isSecret }) => !isSecret) &&
    sources.every(({ slot, after, unless }) => slot >= 0 && after.length + unless.length === 0)
  );
}

/** A secret is a whole field of a root: it could not be taken out of an object that is copied, nor hidden in a part. */
function checkSecrets(dialect: Dialect): void {
  const appPaths = columnPathsOf(dialect, 'app_id');
  const kept = CLIENT_COLUMNS.flatMap(({ name }) => [
    ...(name === 'app_id' ? [] : columnPathsOf(dialect, name)),
    ...objectPathsOf(dialect, name),
    ...partsOf(dialect, name).map((part) => ('member' in part ? part.member : part.each)),
  ]).concat(claimPathsOf(dialect));
  for (const secret of dialect.secrets ?? []) {
    const fault = (what: string) => contradiction(dialect.name, secret, what);
    if (keysOf(secret).length !== 1) throw fault('a secret is a field of the root');
    if (dialect.envelopeKeys.includes(secret)) throw fault('holds the events of an envelope');
    if ([...kept, ...appPaths].some((path) => path.startsWith(`${secret}.`))) throw fault('is kept in part');
    if (kept.includes(secret)) throw fault('is kept in a column; a secret may fill app_id only');
  }
}

function checkTimes(dialect: Dialect): void {
  const [first] = dialect.sentAt ?? [];
  if (first !== undefined && (dialect.columns.timestamp ?? []).length === 0) {
    throw contradiction(dialect.name, first, 'there is no timestamp to correct');
  }
}

function checkCounts(
  dialect: Dialect,
  columns: readonly ProgramColumn[],
  parts: readonly ProgramPart[],
): void {
  const sources = columns.reduce((sum, column) => sum + column.sources.length, 0);
  if (sources > PROGRAM_SOURCES_MAX) {
    throw contradiction(dialect.name, 'columns', `more than ${PROGRAM_SOURCES_MAX} sources`);
  }
  if (parts.length > PROGRAM_PARTS_MAX) {
    throw contradiction(dialect.name, 'compose', `more than ${PROGRAM_PARTS_MAX} parts`);
  }
  const events = dialect.batchEventsMax ?? 1;
  if (!Number.isInteger(events) || events < 1) {
    throw contradiction(dialect.name, 'batchEventsMax', 'is a count of events');
  }
}

/** Every text that a route gives must stand in for something. */
function checkDefaults(dialect: Dialect, defaults: Readonly<Record<string, string>>): void {
  const guardPaths = CLIENT_COLUMNS.flatMap(({ name }) =>
    partsOf(dialect, name).flatMap((part) => guardsOf(part.when)),
  );
  const known = [
    ...sourcePathsOf(dialect),
    ...[...guardPaths, ...guardsOf(dialect.direct)].map((guard) => guard.path),
    ...claimGuardPathsOf(dialect),
  ];
  for (const path of Object.keys(defaults)) {
    if (!known.includes(path)) throw contradiction(dialect.name, path, 'no source or guard reads it');
  }
}

function compileRequirement(
  dialect: Dialect,
  columns: readonly ProgramColumn[],
  group: ClientColumn | readonly ClientColumn[],
): ProgramRequirement {
  const indexes = (typeof group === 'string' ? [group] : group).map((name) => ColumnIndex[name]);
  for (const index of indexes) {
    const column = columns[index];
    if (column !== undefined && column.partStart < column.partEnd) {
      throw contradiction(
        dialect.name,
        CLIENT_COLUMNS[index]?.name ?? '',
        'a composed column may always be empty',
      );
    }
  }
  const first = columns[indexes[0] ?? 0]?.sources.find(({ slot }) => slot >= 0);
  return { columns: indexes, slot: first?.slot ?? -1 };
}

/**
 * Which statements the writable door runs beside inserts and reads: the ones that make, change and drop tables, and
 * INSERT … SELECT. It is the database that may be written and never the host: names that reach outside of it are refused
 * as query-guard.ts refuses them, and so are the places where only a writer can name a file: OUTFILE and INFILE, table
 * engines that are a file or a program, the disk of a MergeTree.
 */

import type { Connection } from '../engine.ts';
import { type Engine, EngineError } from '../engine.ts';
import { formatQuery, HOST_FORMATS, HOST_NAMES, readCalls, readWords } from '../query-guard.ts';

/** The first words of a statement, as the engine's formatter prints them. */
const STATEMENTS =
  /^(?:CREATE (?:OR REPLACE )?(?:TEMPORARY )?(?:TABLE|VIEW|MATERIALIZED VIEW|DATABASE)|ALTER TABLE|DROP (?:TABLE|VIEW|DATABASE)|TRUNCATE|RENAME (?:TABLE|DATABASE)|EXCHANGE TABLES|OPTIMIZE TABLE|DELETE FROM|UPDATE|INSERT INTO|KILL QUERY|UNDROP TABLE)\b/;

/** Words with which a writer would reach the host's files. */
const WRITER_NAMES: ReadonlySet<string> = new Set([
  'OUTFILE',
  'INFILE',
  'disk',
  'storage_policy',
  'DICTIONARY',
]);

const ENGINES =
  /^(?:(?:Replicated)?(?:Replacing|Summing|Aggregating|Collapsing|VersionedCollapsing|Graphite|Coalescing)?MergeTree|Memory|Null|Log|TinyLog|StripeLog|Buffer|Merge|Join|Set|Atomic)$/;

/** Rejects with EngineError, worded as the engine does, when `statement` is not for this door. */
export async function checkStatement(
  engine: Engine,
  connection: Connection,
  statement: string,
): Promise<void> {
  const formatted = await formatQuery(connection, statement);
  const { statementCount } = await engine.analyze(statement);
  if (statementCount !== 1) {
    throw new EngineError('Code: 62. DB::Exception: Syntax error: one statement a request. (SYNTAX_ERROR)');
  }
  if (!STATEMENTS.test(formatted)) {
    throw new EngineError(
      'Code: 48. DB::Exception: This kind of statement is not for use here; settings come as parameters of the URL, the database in `database`. (NOT_IMPLEMENTED)',
    );
  }
  const words = readWords(formatted);
  // APPLY calls a function by its bare name; elsewhere a column or a table may be called file.
  const names = words.includes('APPLY') ? words : readCalls(formatted);
  const refused =
    names.find((word) => HOST_NAMES.has(word)) ??
    words.find((word) => WRITER_NAMES.has(word)) ??
    refusedEngine(words);
  if (refused !== undefined) {
    throw new EngineError(
      `Code: 497. DB::Exception: Not enough privileges: the name ${refused} reaches outside of the database. (ACCESS_DENIED)`,
    );
  }
  const format = words.find((word, index) => words[index - 1] === 'FORMAT' && HOST_FORMATS.test(word));
  if (format !== undefined) {
    throw new EngineError(
      `Code: 497. DB::Exception: Not enough privileges: the format ${format} works with files of the host. (ACCESS_DENIED)`,
    );
  }
}

function refusedEngine(words: readonly string[]): string | undefined {
  return words.find((word, index) => words[index - 1] === 'ENGINE' && !ENGINES.test(word));
}

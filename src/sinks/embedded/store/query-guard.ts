/**
 * What may run through the query door. Three locks, each of them the engine's:
 *
 *   1. its parser says that the text is one statement that only reads (`chdb_classify_query`). This is where
 *      INTO OUTFILE, SET, USE, KILL and SYSTEM end, since `readonly` knows nothing of the first and allows USE.
 *   2. the connection has `readonly = 1`: writes, temporary tables and every table function that reaches outside
 *      (file, url, s3, remote …) are refused.
 *   3. the user has no grant on a source but FILE (engine-config.ts), which closes DESCRIBE url(…) as well.
 *
 * Two things go around the second lock. A SETTINGS clause in a subquery is obeyed whatever `readonly` says, and may
 * set that to 0; so the word is refused wherever it stands, and settings come in the URL alone, where
 * query-settings.ts judges them. And formats that work with schema files are refused by name.
 *
 * What is left are the names below: functions that read the host's files or open connections without asking for a
 * grant, and DESCRIBE file(…), which reads to find out columns. They are looked for as whole words in the text
 * as the engine's formatter prints it: literals quoted, escapes resolved, comments gone. A search of the syntax
 * tree would miss `SELECT * APPLY(file)`, whose function the tree does not show.
 */
import type { Engine } from './engine.ts';
import { type Connection, EngineError, sqlString } from './engine.ts';

/** Functions and table functions that reach outside of the database. */
export const HOST_NAMES: ReadonlySet<string> = new Set([
  'file',
  'fileCluster',
  'filesystem',
  'sqlite',
  'executable',
  'icebergLocal',
  'icebergLocalCluster',
  'deltaLakeLocal',
  'paimonLocal',
  'hasColumnInTable',
  'catboostEvaluate',
]);

/** Formats that write or read a schema or a template beside the result. The engine ignores the case of their names. */
export const HOST_FORMATS = /^(?:protobuf|capnproto|template|avroconfluent)/i;

export interface CheckedQuery {
  /** The format that the query names itself. */
  readonly format: string | undefined;
}

/** Rejects with EngineError, worded as the engine does, when `query` is not for this door. */
export async function checkQuery(
  engine: Engine,
  connection: Connection,
  query: string,
  parameters: ReadonlyMap<string, string>,
  defaultFormat: string,
): Promise<CheckedQuery> {
  const words = readWords(await formatQuery(connection, query));
  const analysis = await engine.analyze(query);
  if (analysis.statementCount !== 1 || !analysis.readsOnly) {
    throw new EngineError('Code: 164. DB::Exception: Cannot execute query in readonly mode. (READONLY)');
  }
  const hostName = words.find((word) => HOST_NAMES.has(word));
  const hostParameter = words.includes('Identifier')
    ? [...parameters.values()].find((value) => HOST_NAMES.has(value))
    : undefined;
  const refused = hostName ?? hostParameter;
  if (refused !== undefined) {
    throw new EngineError(
      `Code: 164. DB::Exception: The name ${refused} is not for use here: it reaches outside of the database. Call a column that has this name by another alias. (READONLY)`,
    );
  }
  if (words.includes('SETTINGS')) {
    throw new EngineError(
      'Code: 164. DB::Exception: A SETTINGS clause is not for use here: send settings as parameters of the URL. (READONLY)',
    );
  }
  const formats = [defaultFormat, ...words.filter((_, index) => words[index - 1] === 'FORMAT')];
  const refusedFormat = formats.find((format) => HOST_FORMATS.test(format));
  if (refusedFormat !== undefined) {
    throw new EngineError(
      `Code: 164. DB::Exception: The format ${refusedFormat} is not for use here: it works with files of the host. (READONLY)`,
    );
  }
  return { format: formatOf(words) };
}

/** The query as the engine prints it, on one line; rejects with its syntax error. More than one statement is one. */
export async function formatQuery(connection: Connection, query: string): Promise<string> {
  try {
    return (await connection.run(`SELECT formatQuerySingleLine(${sqlString(query)})`)).text();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const end = error.message.lastIndexOf(': In scope SELECT formatQuerySingleLine(');
    throw end === -1 ? error : new EngineError(`${error.message.slice(0, end)} (SYNTAX_ERROR)`);
  }
}

const SINGLE_QUOTE = "'".charCodeAt(0);
const DOUBLE_QUOTE = '"'.charCodeAt(0);
const BACKTICK = '`'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
const DOT = '.'.charCodeAt(0);

/**
 * Words of a formatted query, in order: bare ones and quoted identifiers, string literals left out. A word behind
 * a dot is part of a longer name (`event_data.file`) and left out too.
 */
export function readWords(formatted: string): string[] {
  return [...eachWord(formatted)].map(({ word }) => word);
}

/** Those of its words that are called, as functions and table functions are. */
export function readCalls(formatted: string): string[] {
  return [...eachWord(formatted)].filter(({ end }) => formatted[end] === '(').map(({ word }) => word);
}

function* eachWord(formatted: string): Generator<{ readonly word: string; readonly end: number }> {
  let at = 0;
  while (at < formatted.length) {
    const code = formatted.charCodeAt(at);
    const start = at;
    if (code === SINGLE_QUOTE || code === DOUBLE_QUOTE || code === BACKTICK) {
      at = endOfQuoted(formatted, at);
      if (code !== SINGLE_QUOTE && !isBehindDot(formatted, start))
        yield { word: formatted.slice(start + 1, at - 1), end: at };
    } else if (isWordCode(code)) {
      while (at < formatted.length && isWordCode(formatted.charCodeAt(at))) at += 1;
      if (!isBehindDot(formatted, start)) yield { word: formatted.slice(start, at), end: at };
    } else at += 1;
  }
}

/** Index behind the closing quote; a backslash takes the next character with it. */
function endOfQuoted(text: string, start: number): number {
  const quote = text.charCodeAt(start);
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== quote) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

function isBehindDot(text: string, start: number): boolean {
  return start > 0 && text.charCodeAt(start - 1) === DOT;
}

/** Letters, digits, underscore, and whatever is not ASCII. */
function isWordCode(code: number): boolean {
  return (
    (code >= 48 && code <= 57) ||
    (code >= 65 && code <= 90) ||
    (code >= 97 && code <= 122) ||
    code === 95 ||
    code > 127
  );
}

/** FORMAT comes last; the formatter prints keywords in capitals. */
function formatOf(words: readonly string[]): string | undefined {
  return words.at(-2) === 'FORMAT' ? words.at(-1) : undefined;
}

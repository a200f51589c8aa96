/**
 * The head of an INSERT whose rows come with it, up to where they begin:
 *
 *   INSERT INTO [TABLE] [database.]table [(columns)] [SETTINGS name = value, …] FORMAT name | VALUES
 *
 * Read by the engine's own rules for comments and quoted names, so that it can be put together again with the rows in a
 * file. What is not this, INSERT … SELECT among it, is a statement like any other.
 */

/** A head, in pieces that go into SQL again as they stand here. */
export interface InsertHead {
  /** `table` or `database.table`, quoted as it was. */
  readonly table: string;
  /** In parentheses, or empty. */
  readonly columns: string;
  readonly settings: ReadonlyMap<string, string>;
  readonly format: string;
  /** Index in the text behind the head, where its rows begin. */
  readonly end: number;
}

const SPACE = String.raw`(?:\s|--[^\n]*(?:\n|$)|/\*[\s\S]*?\*/)`;
const NAME = String.raw`(?:[A-Za-z_][A-Za-z0-9_]*|\x60(?:[^\x60\\]|\\[\s\S])+\x60|"(?:[^"\\]|\\[\s\S])+")`;
const NAMES = `${NAME}(?:\\.${NAME})*(?:${SPACE}*,${SPACE}*${NAME}(?:\\.${NAME})*)*`;
const EXCEPT = String.raw`\*${SPACE}*EXCEPT${SPACE}*(?:\(${SPACE}*${NAMES}${SPACE}*\)|${NAME})`;
const LITERAL = String.raw`(?:'(?:[^'\\]|\\[\s\S])*'|-?[0-9][0-9.e+-]*|true|false)`;
const SETTING = `([A-Za-z_][A-Za-z0-9_]*)${SPACE}*=${SPACE}*(${LITERAL})`;

const START = new RegExp(
  `^${SPACE}*INSERT${SPACE}+INTO${SPACE}+(?:TABLE${SPACE}+)?(?!FUNCTION\\b)(${NAME}(?:\\.${NAME})?)${SPACE}*(\\(${SPACE}*(?:${NAMES}|${EXCEPT})${SPACE}*\\))?${SPACE}*`,
  'i',
);
const SETTINGS = new RegExp(`SETTINGS${SPACE}+`, 'iy');
const ONE_SETTING = new RegExp(`${SETTING}${SPACE}*(,?)${SPACE}*`, 'iy');
/** Behind a format's name blanks are skipped, then one end of line: rows begin there. */
const FORMAT = new RegExp(
  `(?:FORMAT${SPACE}+(?!VALUES\\b)([A-Za-z0-9_]+)[ \\t\\f]*\\r?\\n?|(?:FORMAT${SPACE}+)?VALUES\\b)`,
  'iy',
);

/** The head at the start of `text`, or undefined where there is none. */
export function readInsertHead(text: string): InsertHead | undefined {
  const start = START.exec(text);
  if (start === null) return undefined;
  const [whole, table = '', columns = ''] = start;
  const settings = new Map<string, string>();
  const end = readSettings(text, whole.length, settings);
  FORMAT.lastIndex = end;
  const format = FORMAT.exec(text);
  if (format === null) return undefined;
  return { table, columns, settings, format: format[1] ?? 'Values', end: FORMAT.lastIndex };
}

/** Gives the index behind them. */
function readSettings(text: string, start: number, settings: Map<string, string>): number {
  SETTINGS.lastIndex = start;
  if (!SETTINGS.test(text)) return start;
  let at = SETTINGS.lastIndex;
  for (let isMore = true; isMore; ) {
    ONE_SETTING.lastIndex = at;
    const setting = ONE_SETTING.exec(text);
    if (setting === null) return start;
    const [, name = '', literal = '', comma] = setting;
    settings.set(name, unquote(literal));
    at = ONE_SETTING.lastIndex;
    isMore = comma === ',';
  }
  return at;
}

function unquote(literal: string): string {
  return literal.startsWith("'") ? literal.slice(1, -1).replace(/\\([\s\S])/g, '$1') : literal;
}

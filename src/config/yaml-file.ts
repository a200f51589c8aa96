/**
 * Reads the YAML of a configuration file and remembers where its keys stand, so that a fault can name the line.
 * Syntax errors become faults; their texts never quote the file, because the line at fault may hold a write key.
 */
import { type Document, isMap, isScalar, LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { ConfigFault } from './fault.ts';

export interface YamlFile {
  /** The file as plain values; undefined when it is empty or has faults. */
  readonly tree: unknown;
  readonly faults: readonly ConfigFault[];
  /** `file:line:column` of a key's value, of the key itself for an unknown one, of the nearest parent for an absent one. */
  locate(path: readonly PropertyKey[], isUnknownKey: boolean): string;
}

/** Parses `text`; `name` is what faults call the file. */
export function parseYamlFile(name: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  // A tag is only a warning to the parser, but a key that begins with `!` would silently lose its first word.
  const faults = [...document.errors, ...document.warnings].map((error) => ({
    source: at(error.pos[0]),
    path: '',
    expected: expectedSyntax(error),
    got: 'something else',
  }));
  let tree: unknown;
  if (faults.length === 0) {
    try {
      tree = document.toJS() ?? undefined;
    } catch {
      // Aliases are resolved here, and only here, and only they can fail.
      faults.push({
        source: name,
        path: '',
        expected: 'every *alias to have its &anchor',
        got: 'one without',
      });
    }
  }
  const locate = (path: readonly PropertyKey[], isUnknownKey: boolean) => {
    const offset = findOffset(document, path, isUnknownKey);
    return offset === undefined ? name : at(offset);
  };
  return { tree, faults, locate };
}

/** The parser's codes whose messages quote the file. */
const QUOTING_CODES: Readonly<Record<string, string>> = {
  BAD_DQ_ESCAPE: 'a valid escape sequence',
  BAD_SCALAR_START: 'quotes around a text that begins with a special character',
  TAG_RESOLVE_FAILED: 'no tags; quotes around a text that begins with an exclamation mark',
  UNEXPECTED_TOKEN: 'a key and a value',
};

function expectedSyntax(error: YAMLError): string {
  return QUOTING_CODES[error.code] ?? `valid YAML (${error.message})`;
}

function findOffset(
  document: Document,
  path: readonly PropertyKey[],
  isUnknownKey: boolean,
): number | undefined {
  if (isUnknownKey) {
    const parent: unknown = document.getIn(path.slice(0, -1), true);
    const pair = isMap(parent)
      ? parent.items.find((item) => isScalar(item.key) && String(item.key.value) === path.at(-1))
      : undefined;
    return pair !== undefined && isScalar(pair.key) ? pair.key.range?.[0] : undefined;
  }
  for (let depth = path.length; depth > 0; depth--) {
    const node = document.getIn(path.slice(0, depth), true) as
      | { range?: readonly number[] | null }
      | undefined;
    const offset = node?.range?.[0];
    if (offset !== undefined) return offset;
  }
  return undefined;
}

/**
 * The tree as tidy.test.ts reads it: each file's text with the parts blanked that a rule must not look into.
 * Blanking writes spaces and keeps newlines, so a place in the blanked text is the same place in the file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Source {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
  /** The text without comments. */
  readonly uncommented: string;
  /** The text without comments, strings, regular expressions and the fixed parts of templates. */
  readonly code: string;
}

/** One import: the file it reaches inside of the repository, else the package's name. */
export interface Import {
  readonly line: number;
  /** Gone at run time. */
  readonly isType: boolean;
  readonly target: string;
}

/** All TypeScript files below a folder of the repository; none when there is no such folder. */
export function readSources(folder: string): Source[] {
  return listFiles(folder, /\.ts$/).map((path) => createSource(path, readFileSync(join(root, path), 'utf8')));
}

/** Paths below a folder of the repository whose names match. */
export function listFiles(folder: string, name: RegExp): string[] {
  let entries: string[];
  try {
    entries = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return entries
    .filter((entry) => name.test(entry) && !entry.includes('node_modules'))
    .map((entry) => posix.join(folder, entry))
    .sort();
}

/** Number of lines of a file of the repository. */
export function countLines(path: string): number {
  return readFileSync(join(root, path), 'utf8').trimEnd().split('\n').length;
}

/** A source from its text; exported for the tests of this file. */
export function createSource(path: string, text: string): Source {
  return { path, text, uncommented: blank(text, false), code: blank(text, true) };
}

/** Places that match, as `file:line: the line`. The pattern runs over `code` and must be global. */
export function find(source: Source, pattern: RegExp, text = source.code): string[] {
  return [...text.matchAll(pattern)].map((match) => describePlace(source, match.index));
}

/** `file:line: the line` of an offset. */
export function describePlace(source: Source, offset: number): string {
  const line = source.text.slice(0, offset).split('\n').length;
  return `${source.path}:${line}: ${source.text.split('\n')[line - 1]?.trim() ?? ''}`;
}

/** What a source imports or re-exports, types and dynamic imports of fixed names included. */
export function importsOf(source: Source): Import[] {
  const pattern =
    /^(?:import|export)\s[^'";]*?from\s*'([^']+)'|^import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  return [...source.uncommented.matchAll(pattern)].map((match) => {
    const name = match[1] ?? match[2] ?? match[3] ?? '';
    const target = name.startsWith('.') ? posix.join(dirname(source.path), name) : name;
    const line = source.text.slice(0, match.index).split('\n').length;
    return { line, isType: /^(?:import|export)\s+type\b/.test(match[0]), target };
  });
}

/** The first cycle of a graph as the names along it, or undefined. */
export function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const trail: string[] = [];
  function visit(name: string): string[] | undefined {
    const start = trail.indexOf(name);
    if (start !== -1) return [...trail.slice(start), name];
    if (done.has(name)) return undefined;
    trail.push(name);
    for (const next of graph.get(name) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    trail.pop();
    done.add(name);
    return undefined;
  }
  for (const name of graph.keys()) {
    const cycle = visit(name);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** A `/` after one of these begins a regular expression; after a name, a number or a bracket it divides. */
const BEFORE_REGEXP = /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of))\s*$/;

function blank(text: string, withLiterals: boolean): string {
  const output = text.split('');
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;

  const erase = (from: number, to: number) => {
    for (let index = from; index < to; index++) if (output[index] !== '\n') output[index] = ' ';
  };
  /** End of what `pattern` matches from `at` on. */
  const skip = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    return match === null ? text.length : match.index + match[0].length;
  };
  const take = (end: number, erased: boolean) => {
    if (erased) erase(at, end);
    at = end;
  };

  while (at < text.length) {
    const character = text[at];
    const pair = text.slice(at, at + 2);
    if (pair === '//') take(skip(/(?=\n)/g), true);
    else if (pair === '/*') take(skip(/\*\//g), true);
    else if (character === "'" || character === '"') {
      take(skip(character === "'" ? /'(?:[^'\\]|\\.)*'/gsy : /"(?:[^"\\]|\\.)*"/gsy), withLiterals);
    } else if (character === '`' || (character === '}' && templates.at(-1) === depth)) {
      if (character === '}') templates.pop();
      const end = skip(/[`}](?:[^\\`$]|\\.|\$(?!\{))*(?:`|\$\{)/gsy);
      if (text.slice(end - 2, end) === '${') templates.push(depth);
      take(end, withLiterals);
    } else if (character === '/' && BEFORE_REGEXP.test(text.slice(Math.max(0, at - 20), at))) {
      take(skip(/\/(?:[^\\/[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/gy), withLiterals);
    } else {
      if (character === '{') depth++;
      if (character === '}') depth--;
      at++;
    }
  }
  return output.join('');
}

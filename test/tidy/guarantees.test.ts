/** docs/guarantees.md names the test that holds each promise: this holds the document to the tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = (path: string) => readFileSync(fileURLToPath(new URL(path, root)), 'utf8');

/** `file`: the test's name, up to the end of its cell or of its bracket. */
const NAMED = /`(test\/[\w./-]+\.test\.ts)`:\s+([^|]+?)(?=\s*\||\)\.)/g;

const named = [...text('docs/guarantees.md').matchAll(NAMED)].map(([, file = '', name = '']) => ({
  file,
  name: name.replaceAll(/\s+/g, ' '),
}));

describe('docs/guarantees.md', () => {
  test('names a test for every row of its tables', () => {
    const rows = text('docs/guarantees.md')
      .split('\n')
      .filter((line) => /^\| (?!---|what might|when)/.test(line));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => row.match(NAMED) === null)).toEqual([]);
  });

  test.each(named)('$file: $name', ({ file, name }) => {
    const names = [...text(file).matchAll(/\btest(?:\.each\([^)]*\))?\(\s*(['"`])(.*?)\1,/gs)].map(
      ([, , given]) => given,
    );
    expect(names).toContain(name);
  });
});

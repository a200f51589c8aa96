/** The helpers of tidy.test.ts decide its verdicts, so they are tested themselves. */
import { describe, expect, test } from 'vitest';
import { createSource, find, findCycle, importsOf } from './source.ts';

describe('blanking', () => {
  test.each([
    ['a // any\nb', 'a       \nb', 'a       \nb'],
    ['a /* any\nany */ b', 'a       \n       b', 'a       \n       b'],
    ["f('any', \"it's\")", "f('any', \"it's\")", 'f(     ,       )'],
    ["f('a\\'b', c)", "f('a\\'b', c)", 'f(      , c)'],
    [`\`a \${b} c\``, `\`a \${b} c\``, '     b    '],
    [`\`\${\`\${a}\`}{\` + b`, `\`\${\`\${a}\`}{\` + b`, '      a      + b'],
    [`\`\${{ a: 1 }.a}\` // x`, `\`\${{ a: 1 }.a}\`     `, '   { a: 1 }.a       '],
    ['x = /[/"\']/g; y', 'x = /[/"\']/g; y', 'x =         ; y'],
    ['a / b / "c"', 'a / b / "c"', 'a / b /    '],
    ['"// not a comment" + 1', '"// not a comment" + 1', '                   + 1'],
    ['/** one */ a /** two */', '           a           ', '           a           '],
  ])('%j', (text, uncommented, code) => {
    expect(createSource('a.ts', text)).toMatchObject({ uncommented, code });
  });
});

test('a finding names file, line and text', () => {
  const source = createSource('src/a.ts', '// any\nconst a = 1;\n  let b: any;\n');
  expect(find(source, /\bany\b/g)).toEqual(['src/a.ts:3: let b: any;']);
});

test('imports of every form are seen, those in comments are not', () => {
  const text = [
    "import a from './a.ts';",
    "import type {\n  B,\n} from '../b.ts';",
    "export * from './c/d.ts';",
    "import './e.ts';",
    "// import './f.ts';",
    "const g = await import('./g.ts');",
    "import fs from 'node:fs';",
  ].join('\n');
  expect(importsOf(createSource('src/x/y.ts', text))).toEqual([
    { line: 1, isType: false, target: 'src/x/a.ts' },
    { line: 2, isType: true, target: 'src/b.ts' },
    { line: 5, isType: false, target: 'src/x/c/d.ts' },
    { line: 6, isType: false, target: 'src/x/e.ts' },
    { line: 8, isType: false, target: 'src/x/g.ts' },
    { line: 9, isType: false, target: 'node:fs' },
  ]);
});

test('a cycle is found with the names along it', () => {
  const graph = (...edges: [string, ...string[]][]) => new Map(edges.map(([from, ...to]) => [from, to]));
  expect(findCycle(graph(['a', 'b', 'c'], ['b', 'c'], ['c']))).toBeUndefined();
  expect(findCycle(graph(['a', 'b'], ['b', 'c'], ['c', 'd', 'b'], ['d']))).toEqual(['b', 'c', 'b']);
  expect(findCycle(graph(['a', 'a']))).toEqual(['a', 'a']);
});

/** `config/penstock.yaml` is the visible table of defaults; it may not drift from the schema. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { fileSchema } from '../../src/config/schema.ts';

const text = readFileSync(new URL('../../config/penstock.yaml', import.meta.url), 'utf8');

test('as it stands it sets nothing', () => {
  expect(fileSchema.parse(parse(text))).toEqual(fileSchema.parse({}));
});

test('with every key uncommented it is exactly the defaults, none missing', () => {
  const uncommented = text.replace(/^( *)# ([a-z_]+: \S.*)$/gm, '$1$2');
  expect(parse(uncommented)).toEqual(fileSchema.parse({}));
});

test('every key has its reason right above it', () => {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    if (/^ *# [a-z_]+: \S/.test(line)) expect(lines[index - 1], line).toMatch(/^ *# .*[.:;)a-z]$/);
  }
});

test('the app that it shows is a valid one', () => {
  const shown = [...text.matchAll(/^# {3}([- ] \w+: .*?) {3,}\w.*$/gm)].map((match) => match[1]);
  expect(shown).toHaveLength(3);
  expect(fileSchema.parse({ apps: parse(shown.join('\n')) }).apps).toEqual([
    { name: 'web', keys: ['a-long-random-word'], origins: ['https://example.com'] },
  ]);
});

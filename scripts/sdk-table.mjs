/**
 * Writes the table of docs/sdks.md from what the chapters of test/pipeline saw of the real SDKs (node_modules/.cache/penstock-sdks/,
 * one file a client and mode):
 *
 *   npx vitest run test/pipeline/07-segment.test.ts test/pipeline/2*.test.ts && node scripts/sdk-table.mjs
 *
 * With --check it writes nothing and fails when the table says other than the results; clients that did not run are left.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

const PAGE = new URL('../docs/sdks.md', import.meta.url);
const RESULTS = new URL('../node_modules/.cache/penstock-sdks/', import.meta.url);
const START = '<!-- made by scripts/sdk-table.mjs -->\n';
const END = '<!-- end -->\n';
const HEAD = [
  '| client | licence | events, each found once | refused first, then sent again | routes | compressed |',
  '| --- | --- | --- | --- | --- | --- |',
];

const rowOf = ({ sdk, version, license, mode, events, refused, paths, encodings }) =>
  [
    '',
    `${sdk} ${version}${mode && `, ${mode}`}`,
    license,
    events.toLocaleString('en-US'),
    refused > 0 ? `${refused} × 503` : 'never sends again',
    paths.map((path) => `\`${path}\``).join(', '),
    encodings.filter((name) => name !== 'none').join(', ') || 'no',
    '',
  ]
    .join(' | ')
    .trim();

if (!existsSync(RESULTS))
  throw new Error('no results yet; run the chapters first (see the head of this file)');
const results = readdirSync(RESULTS)
  .sort()
  .map((file) => JSON.parse(readFileSync(new URL(file, RESULTS), 'utf8')));
const page = readFileSync(PAGE, 'utf8');
const from = page.indexOf(START) + START.length;
const to = page.indexOf(END);
const made = `${[...HEAD, ...results.map(rowOf)].join('\n')}\n`;
if (process.argv.includes('--check')) {
  const missing = results.map(rowOf).filter((row) => !page.slice(from, to).includes(row));
  if (missing.length > 0) throw new Error(`docs/sdks.md does not have:\n${missing.join('\n')}`);
} else {
  writeFileSync(PAGE, page.slice(0, from) + made + page.slice(to));
}

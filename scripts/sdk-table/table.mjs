/** The compatibility table of docs/sdks.md: its place in the page, and its rows from what tests saw of the SDKs. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PAGE = fileURLToPath(new URL('../../docs/sdks.md', import.meta.url));
const START = '<!-- made by scripts/sdk-table.mjs -->\n';
const END = '<!-- end -->\n';
const HEAD = [
  '| client | in | licence | events, each found once | refused first | routes | compressed |',
  '| --- | --- | --- | --- | --- | --- | --- |',
];

/** One client's row. */
export function rowOf({ sdk, version, license, mode, runtime, events, refused, paths, encodings }) {
  const cells = [
    `${sdk} ${version}${mode && `, ${mode}`}`,
    runtime,
    license,
    events.toLocaleString('en-US'),
    // How often is a matter of the machine's speed.
    refused > 0 ? '503, then sent again' : 'never sends again',
    paths.map((path) => `\`${path}\``).join(', '),
    encodings.filter((name) => name !== 'none').join(', ') || 'no',
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The rows that the page has. */
export function rowsOfPage() {
  const { text, from, to } = readPage();
  return text.slice(from, to).split('\n').slice(HEAD.length).filter(Boolean);
}

/** The page with these rows. */
export function pageWith(rows) {
  const { text, from, to } = readPage();
  return `${text.slice(0, from)}${[...HEAD, ...rows].join('\n')}\n${text.slice(to)}`;
}

function readPage() {
  const text = readFileSync(PAGE, 'utf8');
  const from = text.indexOf(START) + START.length;
  const to = text.indexOf(END);
  if (from < START.length || to < from) throw new Error('docs/sdks.md has no place for the table');
  return { text, from, to };
}

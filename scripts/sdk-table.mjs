/**
 * Writes the table of docs/sdks.md from the results of the tests that drive the real SDKs: of each test that passed, what
 * it says that it saw of its client (vitest's `meta`).
 *
 *   node scripts/sdk-table.mjs                           runs those tests, two minutes
 *   node scripts/sdk-table.mjs --report FILE             takes a JSON report of vitest that has them, or several
 *   node scripts/sdk-table.mjs --report FILE --check     writes nothing; fails when the page says other than the results
 *
 * Clients of browsers may be missing in a report of a machine without one; any other row that no test stands for is wrong.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PAGE, pageWith, rowOf, rowsOfPage } from './sdk-table/table.mjs';

const { values } = parseArgs({
  options: { report: { type: 'string', multiple: true }, check: { type: 'boolean' } },
});
const results = values.report === undefined ? runTests() : values.report.flatMap(resultsOf);
const rows = results.map(rowOf).sort();
if (!values.check) {
  writeFileSync(PAGE, pageWith(rows));
} else {
  const hasBrowsers = results.some(({ runtime }) => runtime === 'Chromium');
  const page = rowsOfPage();
  const wrong = [
    ...rows.filter((row) => !page.includes(row)).map((row) => `not in the page:   ${row}`),
    ...page
      .filter((row) => !rows.includes(row) && (hasBrowsers || !row.includes('| Chromium |')))
      .map((row) => `not in the results: ${row}`),
  ];
  if (rows.length === 0) wrong.push('the report has no results of SDKs');
  console.log(wrong.length === 0 ? `docs/sdks.md agrees with ${rows.length} clients` : wrong.join('\n'));
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-sdk-table-'));
  try {
    const report = join(folder, 'report.json');
    const chapters = ['07-segment', '21', '22', '23', '24', '25', '26', '28'].map(
      (name) => `test/pipeline/${name}`,
    );
    const run = [
      'node_modules/vitest/vitest.mjs',
      'run',
      ...chapters,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ];
    const { status } = spawnSync(process.execPath, run, {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, SDK_TABLE: 'write' },
    });
    if (status !== 0) throw new Error('not every SDK passes: the table is left as it is');
    return resultsOf(report);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function resultsOf(report) {
  return JSON.parse(readFileSync(report, 'utf8'))
    .testResults.flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status, meta }) => status === 'passed' && meta?.sdk !== undefined)
    .map(({ meta }) => meta.sdk);
}

/** Node's arguments stand where node is started; src/heap.ts says what they are. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { NODE_ARGUMENTS } from '../../src/heap.ts';

test.each([
  ['package.json', `node ${NODE_ARGUMENTS.join(' ')} scripts/run.mjs serve`],
  [
    'Dockerfile',
    `ENTRYPOINT ${JSON.stringify(['node', ...NODE_ARGUMENTS, 'dist/src/main.js']).replaceAll(',', ', ')}`,
  ],
  ['scripts/container/check.sh', `node ${NODE_ARGUMENTS.join(' ')} dist/src/main.js serve`],
])('%s starts node as src/heap.ts says', (file, command) => {
  expect(readFileSync(file, 'utf8')).toContain(command);
});

// A process that tracks events and says so, line by line, until it is killed; with `finish` it sends what is left and ends.
//   node tracker.mjs <url> <queue dir> <key> <first number> track|finish
import { writeSync } from 'node:fs';
import { WebSocket } from 'ws';
import { createClient } from '../../dist/sdk/node.js';

const [url, queueDir, key, first, mode] = process.argv.slice(2);
const client = createClient({
  url,
  key,
  queueDir,
  ...('WebSocket' in globalThis ? {} : { webSocket: WebSocket }),
  // Sessions alone say what the server has: an id that comes twice in the store is an event that was sent twice.
  transport: 'stream',
  retryDelayMsMax: 500,
});
if (mode === 'finish') {
  const isDone = await client.flush(120_000);
  writeSync(1, `${JSON.stringify({ isDone, ...client.stats() })}\n`);
  await client.close();
} else {
  let n = Number(first);
  setInterval(() => {
    for (let count = 0; count < 20; count++, n++) {
      const id = client.track('crashed', { n });
      // What is said here has been promised.
      if (id !== '') writeSync(1, `${n}\n`);
    }
  }, 5);
}

// The real worker entry, but for two markers in a body, at which the thread dies as it would of a bug: at the first
// before it has looked at the slab, at the second when the journal has taken it and no answer is given yet.
import { threadId } from 'node:worker_threads';
import ingest from '../../dist/workers/ingest.js';

const MARKER = Buffer.from('kill-this-worker');
const MARKER_BEHIND = Buffer.from('kill-this-worker-behind-the-journal');

export default function crashingIngest(task) {
  const bytes = Buffer.from(task.buffer);
  const at = bytes.indexOf(MARKER);
  if (at < 0) return ingest(task);
  const isBehind = bytes.indexOf(MARKER_BEHIND) === at;
  if (isBehind) ingest(task);
  // Wiped: slabs are used again, and the next thread must not find the marker of this one.
  bytes.fill(0x20, at, at + MARKER_BEHIND.length);
  process.exit(70 + (threadId % 2));
}

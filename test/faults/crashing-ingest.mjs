// The real worker entry, but for one marker in a body, at which the thread dies as it would of a bug.
import { threadId } from 'node:worker_threads';
import ingest from '../../dist/workers/ingest.js';

const MARKER = Buffer.from('kill-this-worker');

export default function crashingIngest(task) {
  if (Buffer.from(task.buffer).includes(MARKER)) {
    // Wiped first: slabs are used again, and the next thread must not find the marker of this one.
    const bytes = Buffer.from(task.buffer);
    bytes.fill(0x20, bytes.indexOf(MARKER), bytes.indexOf(MARKER) + MARKER.length);
    process.exit(70 + (threadId % 2));
  }
  return ingest(task);
}

// The real worker entry, but for two markers in a body: when the journal has its events and before they are answered,
// the thread dies as it would of a bug, or the process as of kill -9.
import { setTimeout as pause } from 'node:timers/promises';
import ingest from '../../dist/workers/ingest.js';

const THREAD = Buffer.from('kill-thread-before-answer');
const PROCESS = Buffer.from('kill-process-before-answer');

export default async function killedIngest(task) {
  const bytes = Buffer.from(task.buffer);
  const ends = { thread: bytes.includes(THREAD), process: bytes.includes(PROCESS) };
  // Slabs are used again, and the next use must not find the marker of this one.
  for (const marker of [THREAD, PROCESS]) {
    const at = bytes.indexOf(marker);
    if (at >= 0) bytes.fill(0x78, at, at + marker.length);
  }
  const result = await ingest(task);
  if (ends.process) process.kill(process.pid, 'SIGKILL');
  if (ends.thread) process.exit(70);
  if (ends.process) await pause(10_000);
  return result;
}

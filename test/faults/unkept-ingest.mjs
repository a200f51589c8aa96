// The real worker entry, but for a marker in a body: the process dies as of kill -9 when a slab with it has been looked up in
// Redis and is about to be journaled.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const MARKER = Buffer.from('kill-process-before-journal');
// A named import would be the function that takes its place.
const write = fs.writevSync;
fs.writevSync = (fd, views, position) => {
  const isJournal = fs.readlinkSync(`/proc/self/fd/${fd}`).includes('/journal/');
  if (
    isJournal &&
    views.some((view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).includes(MARKER))
  )
    process.kill(process.pid, 'SIGKILL');
  return write(fd, views, position);
};
syncBuiltinESMExports();
export default (await import('../../dist/workers/ingest.js')).default;

/** What must not outlive the bench, however it ends: servers, and folders with gigabytes of events. */

const undone = new Set<() => void>();

process.on('exit', () => {
  for (const undo of [...undone].reverse()) undo();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** Calls `undo` when the program ends; the function it gives takes that back. `undo` may do nothing that waits. */
export function atExit(undo: () => void): () => void {
  undone.add(undo);
  return () => undone.delete(undo);
}

/** SIGKILL to a process that may be gone. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

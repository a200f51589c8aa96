/** What must be taken away however a run ends: processes, mounts, folders. */

const open = new Set<() => Promise<void>>();

/** Does the work, and `clear` behind it, also when it fails or the program is told to end (clearAll). */
export async function withCleanup(clear: () => Promise<void>, work: () => Promise<void>): Promise<void> {
  open.add(clear);
  try {
    await work();
  } finally {
    await clear();
    open.delete(clear);
  }
}

/** Takes away what is there now; for a program that a signal ends. */
export async function clearAll(): Promise<void> {
  await Promise.allSettled([...open].map((clear) => clear()));
}

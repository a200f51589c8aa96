/** Which window a thread opens: two implementations of the memory that layout.ts describes, with the same verdicts. */
import type { DedupWindow } from './findings.ts';
import { createNativeWindow } from './native.ts';
import { createReferenceWindow } from './reference.ts';

/** The window over shared memory of createWindowMemory, in C++ where the addon is built and `choice` lets it. */
export function openDedupWindow(
  memory: SharedArrayBuffer,
  choice: 'auto' | 'native' | 'reference',
): DedupWindow {
  const native = choice === 'reference' ? undefined : createNativeWindow(memory);
  return native ?? createReferenceWindow(memory);
}

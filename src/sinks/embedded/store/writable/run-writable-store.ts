/**
 * The process behind `penstock store --writable`, from start to end. Its parent (../../writable-store.ts) starts it anew
 * when the engine ends it. What was acknowledged lies in parts that bear a kill; bodies that were on their way are
 * deleted at the next start, since their clients got no answer and send them again.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openEngine } from '../engine.ts';
import { openWritableDoor, type WritableDoorOptions } from './writable-door.ts';

/** Plain data: the one argument of the process, as JSON. */
export interface WritableStoreOptions extends Omit<WritableDoorOptions, 'inboxDir'> {
  /** `<dataDir>/store`. */
  readonly storeDir: string;
}

/** What the process tells its parent. */
export type WritableStoreMessage =
  | { readonly type: 'ready'; readonly port: number; readonly engine: string }
  /** It is about to end, and this is why: trying again would not help. */
  | { readonly type: 'fault'; readonly message: string };

/** Serves until SIGTERM, which it answers by finishing what is in hand. */
export async function runWritableStore(options: WritableStoreOptions): Promise<void> {
  process.title = 'penstock-writable-store';
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  if (!process.connected) process.kill(process.pid, 'SIGKILL');
  // The exit that Node makes of it would run the engine's own handlers, which may wait for ever with the engine's lock.
  process.on('uncaughtException', (error) => {
    const { message, stack } = error;
    send({ type: 'fault', message: stack ?? message }, () => process.kill(process.pid, 'SIGKILL'));
  });
  // The terminal sends it to the whole group; the parent decides.
  process.on('SIGINT', () => {});
  try {
    await startStages(options);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    send({ type: 'fault', message }, () => process.kill(process.pid, 'SIGKILL'));
  }
}

async function startStages(options: WritableStoreOptions): Promise<void> {
  const { storeDir, ...door } = options;
  const inboxDir = join(storeDir, 'inbox');
  mkdirSync(storeDir, { recursive: true, mode: 0o700 });
  const engine = await openEngine(storeDir);
  // Behind the engine's lock: the folder of a process that lives must stay.
  rmSync(inboxDir, { recursive: true, force: true });
  mkdirSync(inboxDir, { mode: 0o700 });
  // The library's own handler never returns, so that an abort would leave a process that neither works nor ends.
  process.on('SIGABRT', () => process.abort());
  const opened = await openWritableDoor(engine, { ...door, inboxDir });
  process.once('SIGTERM', async () => {
    await opened.close();
    await engine.close();
    process.exit(0);
  });
  send({ type: 'ready', port: opened.port, engine: engine.version });
}

function send(message: WritableStoreMessage, then: () => void = () => {}): void {
  if (process.connected) process.send?.(message, then);
}

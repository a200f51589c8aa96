/**
 * What of a stream a power failure would take: its files that were written since the last sync, and their names. Full segments
 * are closed when they are durable.
 */
import type { DiskFile } from './disk.ts';
import { GroupSync } from './group-sync.ts';

export interface FileSyncsOptions {
  /** The file that is appended to. */
  readonly current: () => DiskFile | undefined;
  /** Makes names in the folder durable. */
  readonly syncDir: () => void;
  /** A sync failed while `file` was the one that is appended to. */
  readonly onFailed: (file: DiskFile | undefined) => void;
}

export class FileSyncs {
  readonly #options: FileSyncsOptions;
  #full: DiskFile[] = [];
  #hasNewNames = false;
  readonly #group = new GroupSync(() => this.#sync());

  constructor(options: FileSyncsOptions) {
    this.#options = options;
  }

  /** Whether a sync runs, or one is to follow it. */
  get isWanted(): boolean {
    return this.#group.isWanted;
  }

  /** Makes everything written so far durable. Calls that come while a sync runs share the next one. Rejects with the disk's error. */
  run(): Promise<void> {
    return this.#group.run();
  }

  /** A file was made, or got another name. */
  noteName(): void {
    this.#hasNewNames = true;
  }

  /** Takes over a file that is not appended to any more. */
  add(file: DiskFile): void {
    this.#full.push(file);
  }

  /** Closes those files without a sync. */
  close(): void {
    for (const file of this.#full.splice(0)) file.close();
  }

  async #sync(): Promise<void> {
    const full = this.#full.splice(0);
    const current = this.#options.current();
    const syncsDir = this.#hasNewNames;
    this.#hasNewNames = false;
    try {
      for (const file of full) await file.sync();
      await current?.sync();
      if (syncsDir) this.#options.syncDir();
    } catch (error) {
      this.#options.onFailed(current);
      this.#hasNewNames = true;
      throw error;
    } finally {
      for (const file of full) file.close();
    }
  }
}

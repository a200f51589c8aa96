/**
 * Queues in files of a folder, one for each living client. A file's name says whose it is, and taking over one whose
 * process has ended is renaming it, which one of several can do:
 *
 *   <pid>.<start of the process, s since 1970>.<random>.queue          pid 0: let go of by `close`
 *
 * Written by appends, in lines: the head `#{"head":…,"session":…}`, then an event each, and among them `#{"done":number}`
 * (events before it are done with) and `#{"session":…}`. A line that is cut short was never promised. What `append`
 * returned from survives the process, not the machine: nothing is synced.
 */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { FILE_BYTES_DONE_MAX, FILE_RETRY_MS } from './limits.ts';
import type { QueueStorage, SessionMark, StoredQueue } from './platform.ts';

const NAME = /^(\d+)\.(\d+)\.([^.]+)\.queue(\.tmp)?$/;
/** Clocks are set while processes run. */
const START_SECONDS_SLACK = 2;
const EMPTY: StoredQueue = { head: 1, texts: [], session: undefined };

/** What the storage must know of its process and its machine. */
export interface FileProcess {
  readonly pid: number;
  /** When the process and the machine began, in seconds since 1970. */
  readonly startSeconds: number;
  readonly bootSeconds: number;
  isAlive(pid: number): boolean;
  nowMs(): number;
  createId(): string;
}

/** A line that is no event. */
interface Control {
  readonly head?: number;
  readonly done?: number;
  readonly session?: SessionMark | null;
}

/** Storage in the folder `dir`, which is made. */
export function fileStorage(dir: string, owner: FileProcess): QueueStorage {
  const id = owner.createId();
  const path = ownPath(dir, owner, id);
  let snapshot = () => EMPTY;
  let file: number | undefined;
  let bytes = 0;
  /** Set while the file lacks what the queue has: then it is written anew, when the disk may be better. */
  let retryAtMs: number | undefined;

  const rewrite = () => {
    const { head, texts, session = null } = snapshot();
    const fresh = openSync(`${path}.tmp`, 'w');
    try {
      bytes = writeLines(fresh, [control({ head, session }), ...texts]);
      renameSync(`${path}.tmp`, path);
    } catch (error) {
      closeSync(fresh);
      throw error;
    }
    if (file !== undefined) closeSync(file);
    file = fresh;
    retryAtMs = undefined;
  };

  const add = (lines: readonly string[]) => {
    if (file === undefined || owner.nowMs() < (retryAtMs ?? 0)) return;
    const isWhole = retryAtMs === undefined;
    retryAtMs = owner.nowMs() + FILE_RETRY_MS;
    if (!isWhole) {
      rewrite();
      return;
    }
    try {
      bytes += writeLines(file, lines);
      retryAtMs = undefined;
    } catch (error) {
      // Half a line would hide those behind it.
      ftruncateSync(file, bytes);
      throw error;
    }
  };

  return {
    isPersistent: true,
    open: (given) => {
      mkdirSync(dir, { recursive: true });
      const claimed = claim(dir, owner);
      const stored = claimed.map((name) => parseQueue(readFileSync(name, 'utf8'))).reduce(joinQueues, EMPTY);
      snapshot = () => stored;
      rewrite();
      for (const name of claimed) rmSync(name, { force: true });
      snapshot = given;
      return stored;
    },
    append: (_, texts) => add(texts),
    removeTo: (end, bytesLeft) => {
      add([control({ done: end })]);
      const bytesDone = bytes - bytesLeft;
      if (file !== undefined && bytesDone > FILE_BYTES_DONE_MAX && bytesDone > bytesLeft) rewrite();
    },
    saveSession: (session) => add([control({ session: session ?? null })]),
    close: () => {
      if (file === undefined) return;
      closeSync(file);
      file = undefined;
      if (snapshot().texts.length === 0) rmSync(path, { force: true });
      else renameSync(path, join(dir, `0.0.${id}.queue`));
    },
  };
}

function ownPath(dir: string, { pid, startSeconds }: FileProcess, id: string): string {
  return join(dir, `${pid}.${startSeconds}.${id}.queue`);
}

function control(value: Control): string {
  return `#${JSON.stringify(value)}`;
}

/** Writes all of it; gives its bytes. */
function writeLines(file: number, lines: readonly string[]): number {
  const buffer = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  for (let at = 0; at < buffer.length; ) at += writeSync(file, buffer, at);
  return buffer.length;
}

/** Makes the files of processes that have ended this one's, in the order of their names; gives their new paths. */
function claim(dir: string, owner: FileProcess): string[] {
  const claimed: string[] = [];
  for (const name of readdirSync(dir).sort()) {
    const [, pid, start, , tmp] = NAME.exec(name) ?? [];
    if (pid === undefined || !isLeft(Number(pid), Number(start), owner)) continue;
    const path = ownPath(dir, owner, owner.createId());
    try {
      if (tmp === undefined) renameSync(join(dir, name), path);
      else rmSync(join(dir, name));
      if (tmp === undefined) claimed.push(path);
    } catch {
      // Another process was quicker.
    }
  }
  return claimed;
}

function isLeft(pid: number, startSeconds: number, owner: FileProcess): boolean {
  if (pid === 0) return true;
  // A container's processes have the same few ids in each of its lives.
  if (pid === owner.pid) return Math.abs(startSeconds - owner.startSeconds) > START_SECONDS_SLACK;
  return startSeconds < owner.bootSeconds - START_SECONDS_SLACK || !owner.isAlive(pid);
}

/** The second queue behind the first, but for what both have, as after a crash between writing one and removing the other. */
function joinQueues(first: StoredQueue, second: StoredQueue): StoredQueue {
  if (first.texts.length === 0) return second;
  const known = new Set(first.texts);
  return { ...first, texts: [...first.texts, ...second.texts.filter((text) => !known.has(text))] };
}

function parseQueue(text: string): StoredQueue {
  let head = 1;
  let texts: string[] = [];
  let session: SessionMark | undefined;
  // What stands behind the last line break was cut short.
  for (const line of text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)) {
    if (!line.startsWith('#')) {
      texts.push(line);
      continue;
    }
    const found = JSON.parse(line.slice(1)) as Control;
    head = found.head ?? head;
    if (found.session !== undefined) session = found.session ?? undefined;
    if (found.done !== undefined) {
      texts = texts.slice(Math.max(0, found.done - head));
      head = found.done;
    }
  }
  const whole = texts.filter(isJson);
  // Without a line nobody knows which message of the session is which.
  if (whole.length < texts.length || session === undefined) return { head, texts: whole, session: undefined };
  return { head, texts, session: { end: head + texts.length, ...session } };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return text === '';
  }
}

/**
 * What a worker thread and the store process say to each other, over a unix domain socket of mode 0600.
 *
 *   request   {"id":7,"file":"<block file>"}\n      insert this file of the spool folder
 *   reply     {"id":7,"outcome":"inserted"}\n       its rows are in the table, once; the file is deleted
 *             {"id":7,"outcome":"refused","code":27,"message":"…"}\n   its content is at fault; the file stands in refused/
 *             {"id":7,"outcome":"retry","code":241,"message":"…"}\n    not now; the file is untouched
 *
 * One JSON object a line, at most STORE_LINE_BYTES_MAX; a peer that sends a longer line or anything else is cut
 * off. A connection that breaks loses its replies: the worker sends the request again, with the same name.
 *
 * A block file is named `<token>.<kind>` by the token of its block (journal/delivery.ts), which is its
 * `insert_deduplication_token`: the same token always means the same rows. While it is written it ends in
 * `.<start>.tmp`, where `start` is drawn anew by every front process.
 *
 * Only the store deletes block files, after the insert and before the reply. So a request for a file that is
 * not there can only be a repeat: it stands in refused/, or it was inserted. A store killed between insert and
 * deletion inserts the file again under the same token, which the table ignores.
 */
import { join } from 'node:path';
import type { BlockKind } from '../block.ts';

/** Where a sink finds the store; plain data that travels to worker threads. */
export interface StoreAddress {
  readonly socketPath: string;
  /** `<dataDir>/store`. */
  readonly storeDir: string;
  /** Unique to this front process: what it left half written is known by it. */
  readonly startId: string;
}

/** Behind the name of a file that is still written. */
export const TMP_SUFFIX = '.tmp';

export interface InsertRequest {
  readonly id: number;
  readonly file: string;
}

export type InsertReply =
  | { readonly id: number; readonly outcome: 'inserted' }
  | {
      readonly id: number;
      readonly outcome: 'refused' | 'retry';
      readonly code: number;
      readonly message: string;
    };

/** Pino's shape. Fields never carry event content. */
export interface StoreLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Folder of block files that wait for the store. */
export function spoolDir(storeDir: string): string {
  return join(storeDir, 'spool');
}

/** Folder of block files that the engine refused, each with the engine's message in `<file>.error`. */
export function refusedDir(storeDir: string): string {
  return join(storeDir, 'refused');
}

/** In `<dataDir>/store`, mode 0600: what a store process that died said last. It may quote rows, so no log repeats it. */
export const STDERR_FILE = 'engine-stderr.log';

/** In `<dataDir>/store`: `JSON` or `String`, the type that the object columns of this data directory really have. */
export const OBJECT_TYPE_FILE = 'object-type';

/** Beside a block file in `spool/`: how often the engine died while it inserted that file, as digits, and why. */
export function abortsFile(storeDir: string, file: string): string {
  return join(spoolDir(storeDir), `${file}.aborts`);
}

/** Name of the block file under `token`, which is lower-case letters and digits with dashes between. */
export function blockFileName(token: string, kind: BlockKind): string {
  return `${token}.${kind}`;
}

/** Name under which the process `startId` writes `file` before it is whole. */
export function unfinishedName(file: string, startId: string): string {
  return `${file}.${startId}${TMP_SUFFIX}`;
}

/** Token of a block file. The engine knows it again only in the form in which it had it first: the same rows once as Native and once as lines count twice. */
export function blockToken(file: string): string {
  return file.slice(0, file.indexOf('.'));
}

/** Which table a file is for, or undefined when the name is none that blockFileName makes. */
export function blockKind(file: string): BlockKind | undefined {
  const match = /^[0-9a-z]+(?:-[0-9a-z]+)+\.(native|jsonl|rejected\.bin)$/.exec(file);
  return match === null ? undefined : (match[1] as BlockKind);
}

/** Splits a byte stream into lines and hands each to `onLine`; gives false when one is longer than `bytesMax`. */
export function createLineReader(
  bytesMax: number,
  onLine: (line: string) => void,
): (data: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data]);
    for (;;) {
      const end = rest.indexOf(0x0a);
      if (end === -1) return rest.length <= bytesMax;
      if (end > bytesMax) return false;
      const line = rest.toString('utf8', 0, end);
      rest = rest.subarray(end + 1);
      onLine(line);
    }
  };
}

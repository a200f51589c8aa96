/** What the store process is told by its parent, as one JSON argument of its command line. */
import type { ObjectType } from '../object-type.ts';
import type { StoreAddress } from '../protocol.ts';

export interface StoreProcessOptions {
  readonly address: StoreAddress;
  /** Port of the query door on 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  readonly ttlDays: number;
  readonly rejectedTtlDays: number;
  readonly objectType: ObjectType;
  readonly queryResultBytesMax: number;
  /** Folder of the numbered `.sql` files. */
  readonly schemaDir: string;
}

/** What the parent tells the store process: answer when the engine does. */
export interface StorePing {
  readonly type: 'ping';
}

/** What the store process tells its parent over the IPC channel. */
export type StoreMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'query-port'; readonly port: number }
  /** The engine answered a ping. */
  | { readonly type: 'pong' }
  /** Block files that are being inserted, after every change. */
  | { readonly type: 'in-hand'; readonly files: readonly string[] }
  /** The process is about to end, and this is why. */
  | { readonly type: 'fault'; readonly message: string }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };

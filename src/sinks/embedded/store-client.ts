/**
 * A worker thread's connection to the store: one request at a time, asked again over a new connection until it is
 * answered or given up. While the store is away it tries again with growing pauses.
 */
import { connect, type Socket } from 'node:net';
import { createBackoff } from '../../backoff.ts';
import { STORE_LINE_BYTES_MAX } from '../../limits.ts';
import { createLineReader, type InsertReply, type InsertRequest } from './protocol.ts';

export interface StoreClient {
  /**
   * Resolves with the store's answer for `file`, or, when `signal` aborts before, with `retry`: the store may insert it
   * all the same. Only after the call before it resolved.
   */
  insert(file: string, signal?: AbortSignal): Promise<InsertReply>;
  /** Drops the connection; an insert in flight stays unanswered. */
  close(): void;
}

export function createStoreClient(socketPath: string): StoreClient {
  const backoff = createBackoff();
  let socket: Socket | undefined;
  let connected = false;
  let retryTimer: NodeJS.Timeout | undefined;
  let closed = false;
  let nextId = 1;
  let asked: { request: InsertRequest; resolve: (reply: InsertReply) => void } | undefined;

  function openConnection(): void {
    if (closed || socket !== undefined || retryTimer !== undefined) return;
    const opened = connect(socketPath);
    socket = opened;
    opened.unref();
    const read = createLineReader(STORE_LINE_BYTES_MAX, answer);
    opened.on('connect', () => {
      connected = true;
      sendAsked();
    });
    opened.on('data', (data) => {
      if (!read(data)) opened.destroy();
    });
    // 'close' follows every error and carries on from there.
    opened.on('error', () => {});
    opened.on('close', () => {
      if (socket !== opened) return;
      socket = undefined;
      connected = false;
      if (closed || asked === undefined) return;
      retryTimer = setTimeout(() => {
        retryTimer = undefined;
        openConnection();
      }, backoff.next());
      retryTimer.unref();
    });
  }

  function sendAsked(): void {
    if (asked !== undefined && connected) socket?.write(`${JSON.stringify(asked.request)}\n`);
  }

  function answer(line: string): void {
    let reply: InsertReply;
    try {
      reply = JSON.parse(line) as InsertReply;
    } catch {
      socket?.destroy();
      return;
    }
    if (asked === undefined || reply.id !== asked.request.id) return;
    const { resolve } = asked;
    asked = undefined;
    backoff.reset();
    resolve(reply);
  }

  function giveUp(request: InsertRequest): void {
    if (asked?.request !== request) return;
    const { resolve } = asked;
    asked = undefined;
    resolve({ id: request.id, outcome: 'retry', code: 0, message: 'no answer from the store in time' });
  }

  return {
    insert(file, signal) {
      return new Promise((resolve) => {
        const request = { id: nextId++, file };
        asked = { request, resolve };
        signal?.addEventListener('abort', () => giveUp(request), { once: true });
        if (signal?.aborted) giveUp(request);
        else if (connected) sendAsked();
        else openConnection();
      });
    },
    close() {
      closed = true;
      clearTimeout(retryTimer);
      socket?.destroy();
    },
  };
}

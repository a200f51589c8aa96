/** The unix domain socket that worker threads hand block files in through; its words are in ../protocol.ts. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { STORE_LINE_BYTES_MAX, STORE_MESSAGE_BYTES_MAX } from '../../../limits.ts';
import { blockKind, createLineReader, type InsertReply, type InsertRequest } from '../protocol.ts';
import type { InsertQueue } from './insert-queue.ts';

export interface InsertDoor {
  close(): void;
}

/**
 * Listens on `socketPath`. Only the process that holds the engine's lock may call this: a socket that is already
 * there belongs to a dead one and is replaced.
 */
export async function openInsertDoor(socketPath: string, queue: InsertQueue): Promise<InsertDoor> {
  const sockets = new Set<Socket>();
  rmSync(socketPath, { force: true });
  const server = createServer((socket) => {
    sockets.add(socket);
    const read = createLineReader(STORE_LINE_BYTES_MAX, (line) => void take(socket, line));
    socket.on('data', (data) => {
      if (!read(data)) socket.destroy();
    });
    // A worker that went away asks again over a new connection.
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });

  async function take(socket: Socket, line: string): Promise<void> {
    const request = parseRequest(line);
    const kind = request === undefined ? undefined : blockKind(request.file);
    if (request === undefined || kind === undefined) {
      socket.destroy();
      return;
    }
    const settled = await queue.insert(request.file, kind);
    const reply: InsertReply =
      settled.outcome === 'inserted'
        ? { id: request.id, ...settled }
        : { id: request.id, ...settled, message: settled.message.slice(0, STORE_MESSAGE_BYTES_MAX) };
    if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
  }

  // The mask makes the socket 0600 from its first moment; chmod says so again for systems that ignore it.
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socketPath, resolve);
    });
  } finally {
    process.umask(mask);
  }
  chmodSync(socketPath, 0o600);
  return {
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function parseRequest(line: string): InsertRequest | undefined {
  try {
    const value = JSON.parse(line) as Partial<InsertRequest>;
    return typeof value.id === 'number' && typeof value.file === 'string'
      ? { id: value.id, file: value.file }
      : undefined;
  } catch {
    return undefined;
  }
}

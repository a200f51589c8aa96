/** Raw bytes over a TCP socket, for requests that no HTTP client would send. */
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/**
 * Opens a connection to the server at `url`. What is written goes out at once: a body behind its head would wait 40 ms for
 * the server's kernel to acknowledge the head.
 */
export function openSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.setNoDelay();
    socket.once('error', reject);
  });
}

/** Reads one answer with Content-Length from the socket. */
export function readAnswer(socket: Socket, timeoutMs = 5_000): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(
      () => finish(new Error(`no whole answer; got: ${text.slice(0, 200)}`)),
      timeoutMs,
    );
    const finish = (result: RawAnswer | Error) => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      if (result instanceof Error) reject(result);
      else resolve(result);
    };
    const onClose = () => finish(new Error(`closed before a whole answer; got: ${text.slice(0, 200)}`));
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const headEnd = text.indexOf('\r\n\r\n');
      if (headEnd === -1) return;
      const head = text.slice(0, headEnd);
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const body = text.slice(headEnd + 4);
      if (body.length >= length) finish({ status: Number(head.split(' ')[1]), head, body });
    };
    socket.on('data', onData).on('close', onClose);
  });
}

/**
 * One connection of `/v1/stream?session=…`: one event a message, as many as the server's credit allows, and its acks. It
 * ends once, for whatever reason, and never throws.
 */
import { parseMembers } from './json.ts';
import { ACK_TIMEOUT_MS, CONNECT_TIMEOUT_MS, STREAM_IDLE_MS } from './limits.ts';
import type { Platform, Socket, SocketClass } from './platform.ts';
import type { EventQueue, QueueRecord } from './queue.ts';

/** The stream's side that decides. */
export interface StreamOwner {
  /** The server has `lastSeq` messages of the session. False when it is not to go on with this connection. */
  welcomed(lastSeq: number): boolean;
  /** So many events left the queue, of which `rejected` were wrong. */
  acknowledged(events: number, rejected: number, message: string): void;
  /** An event is over what the server takes. */
  tooLarge(record: QueueRecord): void;
  /** It is over, with a close code or an EndCode. */
  ended(stream: Stream, code: number): void;
}

/** What no server sends: this side has ended it, for want of an answer or for want of events. */
export const EndCode = { timeout: 0, idle: 1 } as const;

/** See the head of this file. */
export interface Stream {
  /** Events before this number were sent; 0 before the welcome. */
  sentEnd(): number;
  /** Sends what waits, within the credit. */
  pump(): void;
  /** Closes it. */
  end(code: number): void;
}

/** Members of the server's messages that are read. */
interface ServerMessage {
  readonly type: unknown;
  readonly seq: unknown;
  readonly last_seq: unknown;
  readonly credit_bytes: unknown;
  readonly max_message_bytes: unknown;
  readonly rejected: unknown;
  readonly errors: readonly { readonly message?: unknown }[];
}

/** Connects. `url` names the session, whose message 1 is event number `base`. */
export function openStream(
  platform: Platform,
  queue: EventQueue,
  owner: StreamOwner,
  url: string,
  base: number,
): Stream {
  let socket: Socket | undefined;
  let cancel: (() => void) | undefined;
  let sentEnd = 0;
  let unackedBytes = 0;
  let creditBytes = 0;
  let messageBytesMax = 0;

  const arm = (delayMs: number, code: number) => {
    cancel?.();
    cancel = platform.after(delayMs, () => end(code));
  };

  /** Waits for an ack, or for credit, or for events. */
  const watch = () => {
    if (queue.tail() > queue.head()) arm(ACK_TIMEOUT_MS, EndCode.timeout);
    else arm(STREAM_IDLE_MS, EndCode.idle);
  };

  const end = (code: number) => {
    const ended = socket;
    cancel?.();
    socket = undefined;
    if (ended !== undefined) {
      ended.onmessage = ended.onclose = null;
      ended.close();
    }
    owner.ended(stream, code);
  };

  const pump = () => {
    if (socket === undefined || sentEnd === 0) return;
    const wasQuiet = sentEnd === queue.head();
    for (;;) {
      const record = queue.at(sentEnd);
      if (record === undefined) break;
      if (record.bytes > messageBytesMax) owner.tooLarge(record);
      if (unackedBytes + record.bytes > creditBytes) break;
      unackedBytes += record.bytes;
      sentEnd += 1;
      queue.sent(sentEnd);
      // On a socket that is closing this does nothing.
      socket.send(record.text);
    }
    if (wasQuiet) watch();
  };

  const take = (message: Partial<ServerMessage>) => {
    const seq = Number(message.seq);
    const lastSeq = Number(message.last_seq);
    if (typeof message.credit_bytes === 'number') creditBytes = message.credit_bytes;
    if (message.type === 'welcome') {
      messageBytesMax = Number(message.max_message_bytes);
      // Whoever has no number of the session is no Penstock.
      if (!(lastSeq >= 0)) end(EndCode.timeout);
      else if (owner.welcomed(lastSeq)) {
        sentEnd = queue.head();
        watch();
      }
      // What was never sent cannot be acknowledged; a server that says so is not followed.
    } else if (base + seq <= sentEnd) {
      const events = base + seq - queue.head();
      unackedBytes -= queue.removeTo(base + seq, true);
      watch();
      owner.acknowledged(events, Number(message.rejected) || 0, String(message.errors?.[0]?.message));
    }
    pump();
  };

  const stream = { sentEnd: () => sentEnd, pump, end };
  arm(CONNECT_TIMEOUT_MS, EndCode.timeout);
  try {
    const connecting = new (platform.socket as SocketClass)(url);
    connecting.onmessage = ({ data }) => take(parseMembers(String(data)));
    connecting.onclose = ({ code }) => end(code);
    // A close follows.
    connecting.onerror = () => {};
    socket = connecting;
  } catch {
    // Where a page's rules forbid the address; the owner must have the stream before it hears of its end.
    arm(0, EndCode.timeout);
  }
  return stream;
}

/** Frames of WebSocket (RFC 6455 §5.2), as far as a generator of load needs them. */

const OPCODE_TEXT = 0x81;
const MASKED = 0x80;
const MASK_BYTES = 4;
const LENGTH_16 = 126;
const LENGTH_64 = 127;
const LENGTH_16_MAX = 0xffff;

/** The frames of a client for these messages, one behind the other, masked with zeros. */
export function encodeFrames(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [encodeHead(message.length), message]));
}

function encodeHead(length: number): Buffer {
  if (length < LENGTH_16) {
    return Buffer.from([OPCODE_TEXT, MASKED | length, ...Array(MASK_BYTES).fill(0)]);
  }
  const isShort = length <= LENGTH_16_MAX;
  const head = Buffer.alloc((isShort ? 4 : 10) + MASK_BYTES);
  head[0] = OPCODE_TEXT;
  head[1] = MASKED | (isShort ? LENGTH_16 : LENGTH_64);
  if (isShort) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

export interface ServerFrame {
  /** Of the frame with its head. */
  readonly bytes: number;
  readonly opcode: number;
  /** Undefined for any frame but a whole text. */
  readonly text: string | undefined;
  /** The first bytes of a frame that is no text. */
  readonly detail: string;
}

/** The server's frame at the start of `bytes`, once all of it is there. */
export function readServerFrame(bytes: Buffer): ServerFrame | undefined {
  if (bytes.length < 2) return undefined;
  const opcode = bytes.readUInt8(0);
  const short = bytes.readUInt8(1);
  const head = short < LENGTH_16 ? 2 : short === LENGTH_16 ? 4 : 10;
  if (bytes.length < head) return undefined;
  const length =
    short < LENGTH_16
      ? short
      : short === LENGTH_16
        ? bytes.readUInt16BE(2)
        : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < head + length) return undefined;
  const content = bytes.subarray(head, head + length);
  const isText = opcode === OPCODE_TEXT;
  return {
    bytes: head + length,
    opcode,
    text: isText ? content.toString() : undefined,
    detail: isText ? '' : content.toString('latin1', 0, 64),
  };
}

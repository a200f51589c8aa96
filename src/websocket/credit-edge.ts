// Hot path: `takes` runs once a message.
import { CREDIT_CHANGE_SHARE } from '../limits.ts';

/**
 * How far one client may send: a number of bytes since the connection began, which never goes back. A client that was
 * told a smaller credit may have sent by the one before; a client that keeps to what it was told never gets beyond.
 */
export class CreditEdge {
  #receivedBytes = 0;
  #limitBytes: number;
  #toldBytes: number;

  /** `creditBytes` is what the client is told first. */
  constructor(creditBytes: number) {
    this.#toldBytes = creditBytes;
    this.#limitBytes = creditBytes;
  }

  /** Takes a message of `bytes`, or says false when the client was never told that it may send it. */
  takes(bytes: number): boolean {
    if (this.#receivedBytes + bytes > this.#limitBytes) return false;
    this.#receivedBytes += bytes;
    return true;
  }

  /** The client is told that all but `unackedBytes` of what it sent are acknowledged. */
  acknowledged(unackedBytes: number): void {
    this.#limitBytes = Math.max(this.#limitBytes, this.#receivedBytes - unackedBytes + this.#toldBytes);
  }

  /** Whether `creditBytes` is so different from what the client knows that it is to be told, and takes it as told. */
  tells(creditBytes: number, unackedBytes: number): boolean {
    const told = this.#toldBytes;
    const change = Math.abs(creditBytes - told);
    if (change <= told * CREDIT_CHANGE_SHARE && (creditBytes === 0) === (told === 0)) return false;
    this.#toldBytes = creditBytes;
    this.acknowledged(unackedBytes);
    return true;
  }
}

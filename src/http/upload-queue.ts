/**
 * Uploads whose next piece finds no memory: reading from their connections is paused, and each piece that was read
 * already waits here until others have given memory back, in the order in which they came. Bounded in bytes and time;
 * beyond either the request is answered `overloaded`.
 */
import type { Clock } from '../clock.ts';
import { UPLOAD_RETRY_INTERVAL_MS, UPLOAD_WAIT_MS_MAX } from '../limits.ts';

/** An upload that waits. */
export interface WaitingUpload {
  /** Tries to go on; true when it waits no more. */
  goOn(): boolean;
  /** The time is over. */
  giveUp(): void;
}

/** The uploads of one front that wait; see the head of this file. */
export class UploadQueue {
  readonly #bytesMax: number;
  readonly #clock: Clock;
  readonly #waiting: { readonly upload: WaitingUpload; readonly deadlineMs: number }[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(bytesMax: number, clock: Clock) {
    this.#bytesMax = bytesMax;
    this.#clock = clock;
  }

  /** Bytes of pieces that wait; they are in no other budget. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#waiting.length;
  }

  /** Takes a piece's bytes and says true, or takes none and says false. */
  tryTake(bytes: number): boolean {
    if (this.#bytes + bytes > this.#bytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Gives back what tryTake took. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** `upload` waits from now on. */
  enter(upload: WaitingUpload): void {
    this.#waiting.push({ upload, deadlineMs: this.#clock.monotonicMs() + UPLOAD_WAIT_MS_MAX });
    this.#timer ??= setInterval(() => this.retry(), UPLOAD_RETRY_INTERVAL_MS);
  }

  /** Lets those go on that can, oldest first, and ends those whose time is over. */
  retry(): void {
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!first.upload.goOn()) {
        if (nowMs < first.deadlineMs) break;
        first.upload.giveUp();
      }
      this.#waiting.shift();
    }
    if (this.#waiting.length > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

// Hot path: runs once a piece of a body.
/**
 * A body that arrives in more than one piece, from its first piece until it is whole or refused. Pieces that find no
 * memory wait, and reading from their connection is paused (upload-queue.ts). A body that is refused while it comes
 * ends its connection, or is read to its end and dropped where an SDK must hear the answer.
 */
import type { FrontStage } from '../front.ts';
import { DROPPED_BYTES_MAX } from '../limits.ts';
import type { Reason } from '../outcome.ts';
import { Upload } from './upload.ts';
import type { WaitingUpload } from './upload-queue.ts';

/** Whose body it is. */
export interface BodyOwner {
  pauseReading(): void;
  resumeReading(): void;
  /** All of it is here. VIEW until drop. */
  bodyWhole(body: Uint8Array): void;
  /** It is not taken; `close` where the rest of it will not be read. */
  refuse(reason: Reason, close: boolean): void;
}

/** One body; see the head of this file. */
export class IncomingBody implements WaitingUpload {
  readonly #stage: Pick<FrontStage, 'uploads' | 'uploadQueue' | 'wireBytesMax'>;
  readonly #owner: BodyOwner;
  readonly #isReadToEnd: boolean;
  readonly #upload: Upload;
  /** Pieces that were read and find no memory. */
  #waiting: { readonly pieces: Buffer[]; isWhole: boolean } | undefined;
  /** Why its pieces are dropped, and how much of it was. */
  #dropped: { readonly reason: Reason; bytes: number } | undefined;

  /** `isReadToEnd`: its client is answered when it has sent all, up to DROPPED_BYTES_MAX, and not cut off. */
  constructor(
    stage: Pick<FrontStage, 'uploads' | 'uploadQueue' | 'wireBytesMax'>,
    owner: BodyOwner,
    isReadToEnd: boolean,
  ) {
    this.#stage = stage;
    this.#owner = owner;
    this.#isReadToEnd = isReadToEnd;
    this.#upload = new Upload(stage.uploads, stage.wireBytesMax);
  }

  /** Takes the next piece. COPY. Calls the owner when it was the last, or one too many. */
  add(piece: Uint8Array, isLast: boolean): void {
    if (this.#dropped !== undefined) {
      this.#dropPiece(this.#dropped, piece.length, isLast);
      return;
    }
    const fault = this.#waiting === undefined ? this.#upload.append(piece) : 'overloaded';
    if (fault === 'overloaded') this.#wait(piece, isLast);
    else if (fault !== undefined) this.#refuse(fault, piece.length, isLast);
    else if (isLast) this.#owner.bodyWhole(this.#upload.body());
  }

  goOn(): boolean {
    const waiting = this.#waiting;
    if (waiting === undefined) return true;
    for (let piece = waiting.pieces[0]; piece !== undefined; piece = waiting.pieces[0]) {
      const fault = this.#upload.append(piece);
      if (fault === 'overloaded') return false;
      if (fault !== undefined) {
        this.#refuse(fault, piece.length, waiting.isWhole);
        return true;
      }
      waiting.pieces.shift();
      this.#stage.uploadQueue.give(piece.length);
    }
    this.#waiting = undefined;
    this.#owner.resumeReading();
    if (waiting.isWhole) this.#owner.bodyWhole(this.#upload.body());
    return true;
  }

  giveUp(): void {
    this.#refuse('overloaded', 0, this.#waiting?.isWhole ?? false);
  }

  /** Gives all memory back. */
  drop(): void {
    this.#upload.drop();
    for (const piece of this.#waiting?.pieces ?? []) this.#stage.uploadQueue.give(piece.length);
    this.#waiting = undefined;
  }

  #wait(piece: Uint8Array, isLast: boolean): void {
    const { uploadQueue } = this.#stage;
    if (!uploadQueue.tryTake(piece.length)) {
      this.#refuse('overloaded', piece.length, isLast);
      return;
    }
    if (this.#waiting === undefined) {
      this.#waiting = { pieces: [], isWhole: false };
      this.#owner.pauseReading();
      uploadQueue.enter(this);
    }
    this.#waiting.pieces.push(Buffer.from(piece));
    this.#waiting.isWhole = isLast;
  }

  #refuse(reason: Reason, bytes: number, isLast: boolean): void {
    if (this.#waiting !== undefined) this.#owner.resumeReading();
    this.drop();
    this.#dropped = { reason, bytes: 0 };
    this.#dropPiece(this.#dropped, bytes, isLast);
  }

  #dropPiece(dropped: { readonly reason: Reason; bytes: number }, bytes: number, isLast: boolean): void {
    dropped.bytes += bytes;
    const mayGoOn = this.#isReadToEnd && dropped.bytes <= DROPPED_BYTES_MAX;
    if (isLast) this.#owner.refuse(dropped.reason, false);
    else if (!mayGoOn) this.#owner.refuse(dropped.reason, true);
  }
}

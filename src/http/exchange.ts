// Hot path: one of these a request.
/**
 * One HTTP request from its admission to its answer: gathers the body, hands it over as a frame, and answers with
 * the verdict. Owns the uWebSockets response until it is answered or aborted; after either it touches it no more.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { type AckLevel, wantsOf } from '../ack/level.ts';
import { replyStatus } from '../ack/replies.ts';
import type { Route } from '../dialects/routes.ts';
import { Transport } from '../event.ts';
import type { FrontStage } from '../front.ts';
import { REASONS, type Reason } from '../outcome.ts';
import { STATUS_LINES } from '../problem.ts';
import { FrameWord, frameRow } from '../slab/layout.ts';
import { Origin } from '../slab/origin.ts';
import type { FrameOwner, JournalPlace, Replies, Slab } from '../slab/slab.ts';
import { writeCors } from './cors.ts';
import { type Carried, refuseRequest } from './refusal.ts';
import { Upload } from './upload.ts';
import type { WaitingUpload } from './upload-queue.ts';

/** What of the request's head the exchange needs later: request objects of uWebSockets die with their callback. */
export interface RequestHead extends Carried {
  readonly route: Route;
  /** Place of the route in ROUTES. */
  readonly routeIndex: number;
  readonly app: number;
  readonly encoding: number;
  readonly ackLevel: AckLevel;
  readonly address: Uint8Array;
  readonly userAgent: string;
}

/** A request in the front's hands; see the head of this file. */
export class Exchange implements FrameOwner, WaitingUpload {
  readonly #stage: FrontStage;
  readonly #head: RequestHead;
  #response: HttpResponse | undefined;
  #upload: Upload | undefined;
  /** Pieces that were read and find no memory; reading is paused. */
  #waiting: { readonly pieces: Buffer[]; isWhole: boolean } | undefined;

  constructor(stage: FrontStage, response: HttpResponse, head: RequestHead) {
    this.#stage = stage;
    this.#response = response;
    this.#head = head;
    stage.exchanges.enter();
    response.onAborted(() => this.#aborted());
    response.onData((chunk, isLast) => this.#data(chunk, isLast));
  }

  frameDone(slab: Slab, frame: number, replies: Replies): void {
    const response = this.#response;
    if (response === undefined) return;
    const row = frameRow(frame);
    const words = slab.words;
    const reason = words[row + FrameWord.reason]!;
    if (reason !== 0) {
      this.refuse(REASONS[reason]!);
      return;
    }
    const { okBody } = this.#head.route;
    const start = replies.table[frame * 2]!;
    const body = okBody ?? replies.bytes.subarray(start, start + replies.table[frame * 2 + 1]!);
    const status = replyStatus(
      words[row + FrameWord.accepted]!,
      words[row + FrameWord.rejected]!,
      words[row + FrameWord.duplicates]!,
    );
    if (okBody === undefined && status === 400) this.#answerRejected(response, body);
    else if (this.#head.ackLevel === this.#stage.ackLevel) this.#answerAccepted(response, body);
    else this.#park(body, replies.place);
  }

  frameLost(): void {
    this.refuse('worker_lost');
  }

  /**
   * Answers with the reason's problem; `close` also ends the connection, for bodies that will not be read. SDKs with
   * answers of their own send empty beacons, with which nothing is lost: they get their 200.
   */
  refuse(reason: Reason, close = false): void {
    const response = this.#response;
    if (response === undefined) return;
    this.#dropUpload();
    const head = this.#head;
    const { okBody } = head.route;
    if (reason === 'empty_body' && okBody !== undefined) {
      this.#answerAccepted(response, okBody);
      return;
    }
    this.#left();
    refuseRequest(this.#stage, response, reason, head.route.statusOf(reason), head, {
      close,
      withBody: true,
      allow: undefined,
    });
  }

  /** Answers when the level that was asked for is reached, or with 202 when it is not. COPY of `body`. */
  #park(body: Uint8Array, place: JournalPlace | undefined): void {
    const copy = Buffer.from(body);
    this.#stage.ackWaiters.wait(place, this.#head.ackLevel, (isReached) => {
      if (this.#response !== undefined) this.#answerAccepted(this.#response, copy, isReached);
    });
  }

  #answerAccepted(response: HttpResponse, body: Uint8Array, isReached = true): void {
    this.#left();
    const head = this.#head;
    response.cork(() => {
      if (!isReached) response.writeStatus(STATUS_LINES[202]);
      response
        .writeHeader('Content-Type', 'application/json')
        .writeHeader('Penstock-Ack', isReached ? head.ackLevel : this.#stage.ackLevel);
      if (head.requestId !== '') response.writeHeader('X-Request-Id', head.requestId);
      if (head.corsOrigin !== '') writeCors(response, head.corsOrigin);
      response.end(body);
    });
  }

  /** No event was accepted: the worker wrote the problem; it is counted and logged as any refusal. */
  #answerRejected(response: HttpResponse, body: Uint8Array): void {
    this.#left();
    const head = this.#head;
    const requestId = head.requestId || this.#stage.newRequestId();
    const { code } = JSON.parse(Buffer.from(body).toString('utf8')) as { code: Reason };
    this.#stage.refused(code, requestId, head.traceparent);
    response.cork(() => {
      response.writeStatus(STATUS_LINES[400]).writeHeader('Content-Type', 'application/problem+json');
      response.writeHeader('X-Request-Id', requestId);
      if (head.corsOrigin !== '') writeCors(response, head.corsOrigin);
      response.end(body);
    });
  }

  /** The response is answered or gone: it must not be touched again. */
  #left(): void {
    this.#response = undefined;
    this.#stage.exchanges.leave();
  }

  #aborted(): void {
    if (this.#response === undefined) return;
    this.#left();
    this.#dropUpload();
  }

  #data(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#response === undefined) return;
    if (this.#upload === undefined && isLast) {
      this.#complete(new Uint8Array(chunk));
      return;
    }
    this.#upload ??= new Upload(this.#stage.uploads, this.#stage.wireBytesMax);
    const piece = new Uint8Array(chunk);
    const fault = this.#waiting === undefined ? this.#upload.append(piece) : 'overloaded';
    if (fault === 'overloaded') this.#wait(piece, isLast);
    else if (fault !== undefined) this.refuse(fault, true);
    else if (isLast) this.#complete(this.#upload.body());
  }

  /** Stops reading until there is memory for the piece. COPY. */
  #wait(piece: Uint8Array, isLast: boolean): void {
    const { uploadQueue } = this.#stage;
    if (!uploadQueue.tryTake(piece.length)) {
      this.refuse('overloaded', true);
      return;
    }
    if (this.#waiting === undefined) {
      this.#waiting = { pieces: [], isWhole: false };
      this.#response?.pause();
      uploadQueue.enter(this);
    }
    this.#waiting.pieces.push(Buffer.from(piece));
    this.#waiting.isWhole = isLast;
  }

  goOn(): boolean {
    const waiting = this.#waiting;
    const upload = this.#upload;
    if (waiting === undefined || upload === undefined) return true;
    for (let piece = waiting.pieces[0]; piece !== undefined; piece = waiting.pieces[0]) {
      const fault = upload.append(piece);
      if (fault === 'overloaded') return false;
      if (fault !== undefined) {
        this.refuse(fault, true);
        return true;
      }
      waiting.pieces.shift();
      this.#stage.uploadQueue.give(piece.length);
    }
    this.#waiting = undefined;
    this.#response?.resume();
    if (waiting.isWhole) this.#complete(upload.body());
    return true;
  }

  giveUp(): void {
    this.refuse('overloaded', true);
  }

  #complete(body: Uint8Array): void {
    const head = this.#head;
    if (this.#stage.closed()) {
      this.refuse('draining');
    } else if (body.length === 0) {
      this.refuse('empty_body');
    } else if (body.length > this.#stage.wireBytesMax) {
      this.refuse('body_too_large');
    } else {
      const taken = this.#stage.dispatcher.append(
        body,
        head.routeIndex,
        head.app,
        head.encoding,
        Transport.http,
        new Origin(head.address, head.userAgent),
        this,
      );
      if (!taken) this.refuse('overloaded');
      else if (head.ackLevel !== this.#stage.ackLevel)
        this.#stage.dispatcher.lastSlab.want(wantsOf(head.ackLevel));
    }
    this.#dropUpload();
  }

  #dropUpload(): void {
    this.#upload?.drop();
    this.#upload = undefined;
    for (const piece of this.#waiting?.pieces ?? []) this.#stage.uploadQueue.give(piece.length);
    this.#waiting = undefined;
  }
}

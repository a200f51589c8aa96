// Hot path: one of these a request.
/**
 * One HTTP request from its admission to its answer: gathers the body, hands it over as a frame, and answers with
 * the verdict. Owns the uWebSockets response until it is answered or aborted; after either it touches it no more.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { replyStatus } from '../ack/replies.ts';
import { ROUTES, type Route } from '../dialects/routes.ts';
import { Transport } from '../event.ts';
import type { FrontStage } from '../front.ts';
import { DROPPED_BYTES_MAX } from '../limits.ts';
import { REASONS, type Reason } from '../outcome.ts';
import { STATUS_LINES } from '../problem.ts';
import { ENCODING_BITS, FrameWord, frameRow } from '../slab/layout.ts';
import { Origin } from '../slab/origin.ts';
import type { FrameOwner, Replies, Slab } from '../slab/slab.ts';
import { okAnswer, okBody } from './answers.ts';
import { writeCors } from './cors.ts';
import { type Carried, refuseRequest } from './refusal.ts';
import { Upload } from './upload.ts';

/** What of the request's head the exchange needs later: request objects of uWebSockets die with their callback. */
export interface RequestHead extends Carried {
  readonly route: Route;
  /** Place of the route in ROUTES. */
  readonly routeIndex: number;
  readonly app: number;
  readonly encoding: number;
  readonly address: Uint8Array;
  readonly userAgent: string;
  readonly isGet: boolean;
  /** The raw query, where answers of the route depend on it. */
  readonly query: string;
  /** What goes before the body into the slab (slab/carried.ts), often nothing. */
  readonly carried: Uint8Array;
}

/** A request in the front's hands; see the head of this file. */
export class Exchange implements FrameOwner {
  readonly #stage: FrontStage;
  readonly #head: RequestHead;
  #response: HttpResponse | undefined;
  #upload: Upload | undefined;
  /** Of a body that is over the limit and read to its end. */
  #droppedBytes = 0;
  /** The head's, until the body says whose it is. */
  #route: Route;

  constructor(stage: FrontStage, response: HttpResponse, head: RequestHead) {
    this.#stage = stage;
    this.#response = response;
    this.#head = head;
    this.#route = head.route;
    stage.exchanges.enter();
    response.onAborted(() => this.#aborted());
    response.onData((chunk, isLast) => this.#data(chunk, isLast));
  }

  frameDone(slab: Slab, frame: number, replies: Replies): void {
    const response = this.#response;
    if (response === undefined) return;
    const row = frameRow(frame);
    const words = slab.words;
    this.#route = ROUTES[words[row + FrameWord.route]!]!;
    const reason = words[row + FrameWord.reason]!;
    if (reason !== 0) {
      this.refuse(REASONS[reason]!);
      return;
    }
    this.#left();
    const start = replies.table[frame * 2]!;
    const body = replies.bytes.subarray(start, start + replies.table[frame * 2 + 1]!);
    if (this.#route.answers !== undefined) {
      const accepted = words[row + FrameWord.accepted]!;
      this.#answerInItsWords(response, accepted, words[row + FrameWord.bodyLength]!, body);
      return;
    }
    const status = replyStatus(words[row + FrameWord.accepted]!, words[row + FrameWord.rejected]!);
    if (status === 400) this.#answerRejected(response, body);
    else this.#answerAccepted(response, body);
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
    this.#left();
    this.#dropUpload();
    const route = this.#route;
    if (reason === 'empty_body' && route.answers !== undefined) {
      this.#answerInItsWords(response, 0, 0);
      return;
    }
    refuseRequest(this.#stage, response, reason, route.statusOf(reason), this.#head, {
      close,
      withBody: true,
      allow: undefined,
      isNumeric: route.answers?.refusal === 'numeric',
    });
  }

  /** With the 200 that the SDKs of the route's dialect want; `partial` are members about events that were rejected. */
  #answerInItsWords(response: HttpResponse, accepted: number, bytes: number, partial?: Uint8Array): void {
    const { isGet, query } = this.#head;
    const answer = okAnswer(this.#route, isGet, query);
    if (answer === undefined) return;
    const more = partial === undefined ? '' : Buffer.from(partial).toString('utf8');
    const body = okBody(answer, { accepted, bytes, nowMs: this.#stage.nowMs() }, more);
    this.#answerAccepted(response, body, answer.type);
  }

  #answerAccepted(response: HttpResponse, body: string | Uint8Array, type = 'application/json'): void {
    const head = this.#head;
    response.cork(() => {
      response.writeHeader('Content-Type', type).writeHeader('Penstock-Ack', this.#stage.ackLevel);
      if (head.requestId !== '') response.writeHeader('X-Request-Id', head.requestId);
      if (head.corsOrigin !== '') writeCors(response, head.corsOrigin);
      response.end(body);
    });
  }

  /** No event was accepted: the worker wrote the problem; it is counted and logged as any refusal. */
  #answerRejected(response: HttpResponse, body: Uint8Array): void {
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
    const fault = this.#droppedBytes > 0 ? 'body_too_large' : this.#upload.append(new Uint8Array(chunk));
    if (fault === 'body_too_large') this.#dropTooLarge(chunk.byteLength, isLast);
    else if (fault !== undefined) this.refuse(fault, true);
    else if (isLast) this.#complete(this.#upload.body());
  }

  /** SDKs are told when they have sent all of it: DROPPED_BYTES_MAX; others at once. */
  #dropTooLarge(bytes: number, isLast: boolean): void {
    this.#droppedBytes += bytes;
    this.#upload?.drop();
    const mayGoOn = this.#route.answers !== undefined && this.#droppedBytes <= DROPPED_BYTES_MAX;
    if (isLast) this.refuse('body_too_large');
    else if (!mayGoOn) this.refuse('body_too_large', true);
  }

  #complete(body: Uint8Array): void {
    const head = this.#head;
    if (this.#stage.closed()) {
      this.refuse('draining');
    } else if (body.length + head.carried.length === 0) {
      this.refuse('empty_body');
    } else if (body.length > this.#stage.wireBytesMax) {
      this.refuse('body_too_large');
    } else {
      const taken = this.#stage.dispatcher.append(
        head.carried.length === 0 ? body : Buffer.concat([head.carried, body]),
        head.routeIndex,
        head.app,
        head.encoding | (head.carried.length << ENCODING_BITS),
        Transport.http,
        new Origin(head.address, head.userAgent),
        this,
      );
      if (!taken) this.refuse('overloaded');
    }
    this.#dropUpload();
  }

  #dropUpload(): void {
    this.#upload?.drop();
    this.#upload = undefined;
  }
}

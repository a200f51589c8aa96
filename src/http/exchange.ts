// Hot path: one of these a request.
/**
 * One HTTP request from its admission to its answer: gathers the body, hands it over as a frame, and answers with
 * the verdict. Owns the uWebSockets response until it is answered or aborted; after either it touches it no more.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { type AckLevel, wantsOf } from '../ack/level.ts';
import { replyStatus } from '../ack/replies.ts';
import { spendFrame } from '../admission/spend-frame.ts';
import { ROUTES, type Route } from '../dialects/routes.ts';
import { Transport } from '../event.ts';
import type { FrontStage } from '../front.ts';
import { REASONS, type Reason } from '../outcome.ts';
import { STATUS_LINES } from '../problem.ts';
import type { FrameBody } from '../slab/copy.ts';
import { ENCODING_BITS, FrameWord, frameRow } from '../slab/layout.ts';
import { Origin } from '../slab/origin.ts';
import type { FrameOwner, JournalPlace, Replies, Slab } from '../slab/slab.ts';
import { okAnswer, okBody } from './answers.ts';
import { writeCors } from './cors.ts';
import { type BodyOwner, IncomingBody } from './incoming-body.ts';
import { type Carried, refuseRequest, writeConnection } from './refusal.ts';

/** What of the request's head the exchange needs later: request objects of uWebSockets die with their callback. */
export interface RequestHead extends Carried {
  readonly route: Route;
  /** Place of the route in ROUTES. */
  readonly routeIndex: number;
  readonly app: number;
  /** Number of the write key. */
  readonly key: number;
  readonly encoding: number;
  readonly ackLevel: AckLevel;
  readonly address: Uint8Array;
  readonly userAgent: string;
  readonly isGet: boolean;
  /** The raw query, where answers of the route depend on it. */
  readonly query: string;
  /** What goes before the body into the slab (slab/carried.ts), often nothing. */
  readonly carried: Uint8Array;
}

/** A request in the front's hands; see the head of this file. */
export class Exchange implements FrameOwner, BodyOwner {
  readonly #stage: FrontStage;
  readonly #head: RequestHead;
  #response: HttpResponse | undefined;
  /** Of bodies that come in several pieces. */
  #body: IncomingBody | undefined;
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

  framesDone(slab: Slab, frame: number, _end: number, replies: Replies): void {
    const row = frameRow(frame);
    const words = slab.words;
    spendFrame(this.#stage.rateLimits, words, row);
    const response = this.#response;
    if (response === undefined) return;
    this.#route = ROUTES[words[row + FrameWord.route]!]!;
    const reason = words[row + FrameWord.reason]!;
    if (reason !== 0) {
      this.#refuseFrame(REASONS[reason]!, words[row + FrameWord.app]!, words[row + FrameWord.key]!);
      return;
    }
    const start = replies.table[frame * 2]!;
    const verdict = replies.bytes.subarray(start, start + replies.table[frame * 2 + 1]!);
    const accepted = words[row + FrameWord.accepted]!;
    const duplicates = words[row + FrameWord.duplicates]!;
    if (this.#route.answers !== undefined) {
      const bytes = words[row + FrameWord.bodyLength]!;
      this.#answerInItsWords(response, accepted + duplicates, bytes, verdict, replies.place);
    } else if (replyStatus(accepted, words[row + FrameWord.rejected]!, duplicates) === 400) {
      this.#answerRejected(response, verdict);
    } else if (this.#isPromised()) {
      this.#answerAccepted(response, verdict);
    } else {
      this.#park(Buffer.from(verdict), replies.place);
    }
  }

  framesLost(): void {
    this.refuse('worker_lost');
  }

  /** Refuses what a worker has refused; it may have found out whose it is. */
  #refuseFrame(reason: Reason, app: number, key: number): void {
    const { rateLimits } = this.#stage;
    if (reason === 'unauthorized' && !this.#stage.keysAreRead()) this.refuse('keys_unread');
    else if (reason !== 'rate_limited') this.refuse(reason);
    else this.refuse(reason, false, rateLimits.retryAfterSeconds(app, key));
  }

  /**
   * Answers with the reason's problem; `close` also ends the connection, for bodies that will not be read. SDKs with
   * answers of their own send empty beacons, with which nothing is lost: they get their 200.
   */
  refuse(reason: Reason, close = false, retryAfterSeconds?: number): void {
    const response = this.#response;
    if (response === undefined) return;
    this.#dropBody();
    const route = this.#route;
    if (reason === 'empty_body' && route.answers !== undefined) {
      this.#answerInItsWords(response, 0, 0);
      return;
    }
    this.#left();
    refuseRequest(this.#stage, response, reason, route.statusOf(reason), this.#head, {
      close,
      withBody: true,
      allow: undefined,
      isNumeric: route.answers?.refusal === 'numeric',
      retryAfterSeconds,
    });
  }

  /**
   * With the 200 that the SDKs of the route's dialect want: `accepted` counts repeats too, `partial` are members about
   * events that were rejected. A request without events has no `place` and promises nothing.
   */
  #answerInItsWords(
    response: HttpResponse,
    accepted: number,
    bytes: number,
    partial?: Uint8Array,
    place?: JournalPlace,
  ): void {
    const { isGet, query } = this.#head;
    const answer = okAnswer(this.#route, isGet, query);
    if (answer === undefined) return;
    const more = partial === undefined ? '' : Buffer.from(partial).toString('utf8');
    const body = okBody(answer, { accepted, bytes, nowMs: this.#stage.nowMs() }, more);
    if (partial === undefined || this.#isPromised()) this.#answerAccepted(response, body, answer.type);
    else this.#park(body, place, answer.type);
  }

  /** Whether every answer promises what this one is to promise. */
  #isPromised(): boolean {
    return this.#head.ackLevel === this.#stage.ackLevel;
  }

  /** Answers when the level that was asked for is reached, or with what was reached. `body` is kept until then. */
  #park(body: string | Uint8Array, place: JournalPlace | undefined, type?: string): void {
    this.#stage.ackWaiters.wait(place, this.#head.ackLevel, (isReached) => {
      if (this.#response !== undefined) this.#answerAccepted(this.#response, body, type, isReached);
    });
  }

  /** With 200; with 202 when the level was not reached, but not to SDKs, for some of which only 200 is success. */
  #answerAccepted(
    response: HttpResponse,
    body: string | Uint8Array,
    type = 'application/json',
    isReached = true,
  ): void {
    this.#left();
    const head = this.#head;
    response.cork(() => {
      if (!isReached && this.#route.answers === undefined) response.writeStatus(STATUS_LINES[202]);
      response
        .writeHeader('Content-Type', type)
        .writeHeader('Penstock-Ack', isReached ? head.ackLevel : this.#stage.ackLevel);
      writeConnection(response, this.#stage);
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
      writeConnection(response, this.#stage);
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
    this.#dropBody();
  }

  #data(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#response === undefined) return;
    if (this.#body === undefined && isLast) {
      this.bodyWhole(chunk);
      return;
    }
    // SDKs take a connection that ends while they write for one that is broken.
    this.#body ??= new IncomingBody(this.#stage, this, this.#route.answers !== undefined);
    this.#body.add(new Uint8Array(chunk), isLast);
  }

  pauseReading(): void {
    this.#response?.pause();
  }

  resumeReading(): void {
    this.#response?.resume();
  }

  /** Hands the body over. VIEW. */
  bodyWhole(body: FrameBody): void {
    const head = this.#head;
    const bodyBytes = body.byteLength;
    if (this.#stage.closed()) {
      this.refuse('draining');
    } else if (bodyBytes + head.carried.length === 0) {
      this.refuse('empty_body');
    } else if (bodyBytes > this.#stage.wireBytesMax) {
      this.refuse('body_too_large');
    } else {
      const taken = this.#stage.dispatcher.append(
        head.carried.length === 0 ? body : Buffer.concat([head.carried, new Uint8Array(body)]),
        head.routeIndex,
        head.app,
        head.encoding | (head.carried.length << ENCODING_BITS),
        Transport.http,
        new Origin(head.address, head.userAgent, head.key),
        this,
      );
      if (!taken) this.refuse('overloaded');
      else if (head.ackLevel !== this.#stage.ackLevel)
        this.#stage.dispatcher.lastSlab.want(wantsOf(head.ackLevel));
    }
    this.#dropBody();
  }

  #dropBody(): void {
    this.#body?.drop();
    this.#body = undefined;
  }
}

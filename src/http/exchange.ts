// Hot path: one of these a request.
/**
 * One HTTP request from its admission to its answer: gathers the body, hands it over as a frame, and answers with
 * the verdict. Owns the uWebSockets response until it is answered or aborted; after either it touches it no more.
 */
import type { HttpResponse } from 'uWebSockets.js';
import { ACK_LEVEL } from '../ack/level.ts';
import { replyStatus } from '../ack/replies.ts';
import { Transport } from '../event.ts';
import type { FrontStage } from '../front.ts';
import { outcome, REASONS, type Reason } from '../outcome.ts';
import { problem, STATUS_LINES } from '../problem.ts';
import { FrameWord, frameRow } from '../slab/layout.ts';
import { Origin } from '../slab/origin.ts';
import type { FrameOwner, Replies, Slab } from '../slab/slab.ts';
import { writeCors } from './cors.ts';
import { Upload } from './upload.ts';

/** What of the request's head the exchange needs later: request objects of uWebSockets die with their callback. */
export interface RequestHead {
  readonly route: number;
  readonly app: number;
  readonly encoding: number;
  readonly address: Uint8Array;
  readonly userAgent: string;
  readonly corsOrigin: string;
  readonly requestId: string;
  readonly traceparent: string;
}

/** A request in the front's hands; see the head of this file. */
export class Exchange implements FrameOwner {
  readonly #stage: FrontStage;
  readonly #head: RequestHead;
  #response: HttpResponse | undefined;
  #upload: Upload | undefined;

  constructor(stage: FrontStage, response: HttpResponse, head: RequestHead) {
    this.#stage = stage;
    this.#response = response;
    this.#head = head;
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
    this.#response = undefined;
    const start = replies.table[frame * 2]!;
    const body = replies.bytes.subarray(start, start + replies.table[frame * 2 + 1]!);
    const status = replyStatus(words[row + FrameWord.accepted]!, words[row + FrameWord.rejected]!);
    response.cork(() => {
      if (status !== 200) response.writeStatus(STATUS_LINES[status]);
      response.writeHeader('Content-Type', status === 200 ? 'application/json' : 'application/problem+json');
      if (status === 200) response.writeHeader('Penstock-Ack', ACK_LEVEL);
      this.#writeCarried(response);
      response.end(body);
    });
  }

  frameLost(): void {
    this.refuse('worker_lost');
  }

  /** Answers with the reason's problem; `close` also ends the connection, for bodies that will not be read. */
  refuse(reason: Reason, close = false): void {
    const response = this.#response;
    if (response === undefined) return;
    this.#response = undefined;
    this.#dropUpload();
    refuseRequest(this.#stage, response, reason, this.#head, close);
  }

  #aborted(): void {
    this.#response = undefined;
    this.#dropUpload();
  }

  #data(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#response === undefined) return;
    if (this.#upload === undefined && isLast) {
      this.#complete(new Uint8Array(chunk));
      return;
    }
    this.#upload ??= new Upload(this.#stage.uploads, this.#stage.wireBytesMax);
    const fault = this.#upload.append(new Uint8Array(chunk));
    if (fault !== undefined) this.refuse(fault, true);
    else if (isLast) this.#complete(this.#upload.body());
  }

  #complete(body: Uint8Array): void {
    const head = this.#head;
    if (body.length === 0) {
      this.refuse('empty_body');
    } else if (body.length > this.#stage.wireBytesMax) {
      this.refuse('body_too_large');
    } else {
      const taken = this.#stage.dispatcher.append(
        body,
        head.route,
        head.app,
        head.encoding,
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

  #writeCarried(response: HttpResponse): void {
    if (this.#head.requestId !== '') response.writeHeader('X-Request-Id', this.#head.requestId);
    if (this.#head.corsOrigin !== '') writeCors(response, this.#head.corsOrigin);
  }
}

/** Answers a request that is refused before it has an exchange, or by its exchange. */
export function refuseRequest(
  stage: FrontStage,
  response: HttpResponse,
  reason: Reason,
  head: Pick<RequestHead, 'corsOrigin' | 'requestId' | 'traceparent'>,
  close: boolean,
  allow?: string,
): void {
  const row = outcome(reason);
  const requestId = head.requestId || stage.newRequestId();
  stage.refused(reason, requestId, head.traceparent);
  response.cork(() => {
    response.writeStatus(STATUS_LINES[row.status]).writeHeader('Content-Type', 'application/problem+json');
    if (row.retry) response.writeHeader('Retry-After', String(stage.retryAfterSeconds()));
    if (allow !== undefined) response.writeHeader('Allow', allow);
    if (row.status === 401) response.writeHeader('WWW-Authenticate', 'Bearer');
    response.writeHeader('X-Request-Id', requestId);
    if (head.corsOrigin !== '') writeCors(response, head.corsOrigin);
    response.end(JSON.stringify(problem(reason, { request_id: requestId })), close);
  });
}

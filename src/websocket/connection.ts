// Hot path: `message` runs once a WebSocket message.
/**
 * One WebSocket connection of `/v1/stream`: numbers its messages, keeps its credit, sends its acks. A message that
 * cannot be taken is never skipped: the connection closes with 1013, and the client sends again what no ack covers.
 */
import type { WebSocket } from 'uWebSockets.js';
import { type AckLevel, wantsOf } from '../ack/level.ts';
import type { EventError } from '../ack/replies.ts';
import { spendFrames } from '../admission/spend-frame.ts';
import { STREAM_ROUTE } from '../dialects/routes.ts';
import { Transport } from '../event.ts';
import type { FrontStage } from '../front.ts';
import { ERRORS_PER_ANSWER_MAX } from '../limits.ts';
import { outcome, REASONS } from '../outcome.ts';
import { messageFor } from '../problem.ts';
import type { Session, SessionOwner } from '../sessions/registry.ts';
import type { FrameBody } from '../slab/copy.ts';
import { Encoding, FrameWord, frameRow } from '../slab/layout.ts';
import { Origin } from '../slab/origin.ts';
import type { FrameOwner, Replies, Slab } from '../slab/slab.ts';
import { AckWindow, type MessageError, type Span } from './ack-window.ts';
import { CreditEdge } from './credit-edge.ts';

/** Close codes of RFC 6455 §7.4.1 and the IANA registry, as design and README name them. */
export const CloseCode = {
  goingAway: 1012,
  policyViolation: 1008,
  tooBig: 1009,
  tryAgain: 1013,
  /** Of the range for applications: another connection has the session now. */
  replaced: 4001,
} as const;

/** What is known of a connection before it opens. */
export interface ConnectionHead {
  /** Index of the app, and number of its write key. */
  readonly app: number;
  readonly key: number;
  /** Why the connection is opened only to be closed with it, since browsers hide failed upgrades; undefined when it is not. */
  readonly fault: string | undefined;
  readonly address: Uint8Array;
  readonly userAgent: string;
  readonly ackLevel: AckLevel;
  /** Claimed for this connection. */
  readonly session: Session | undefined;
}

export class Connection implements FrameOwner, SessionOwner {
  readonly #stage: FrontStage;
  readonly #head: ConnectionHead;
  readonly #origin: Origin;
  readonly #window: AckWindow;
  readonly #edge: CreditEdge;
  #socket: WebSocket<ConnectionHead> | undefined;
  #closingWith: number | undefined;

  constructor(stage: FrontStage, socket: WebSocket<ConnectionHead>, head: ConnectionHead) {
    this.#stage = stage;
    this.#socket = socket;
    this.#head = head;
    this.#origin = new Origin(head.address, head.userAgent, head.key);
    const { session } = head;
    const creditBytes = this.#creditBytes();
    this.#edge = new CreditEdge(creditBytes);
    this.#window = new AckWindow(session?.low);
    if (session !== undefined) session.owner = this;
    this.#send({
      type: 'welcome',
      credit_bytes: creditBytes,
      max_message_bytes: stage.messageBytesMax,
      ack: head.ackLevel,
      ...(session === undefined ? {} : { last_seq: session.low }),
    });
  }

  /** Takes a message. COPY. */
  message(message: ArrayBuffer): void {
    const socket = this.#socket;
    if (socket === undefined || this.#closingWith !== undefined) return;
    const bytes = message.byteLength;
    if (bytes > this.#stage.messageBytesMax) {
      this.#end(CloseCode.tooBig, 'message over max_message_bytes');
    } else if (!this.#edge.takes(bytes)) {
      this.#end(CloseCode.tryAgain, 'more than credit_bytes unacknowledged');
    } else if (this.#head.session?.seen.has(this.#window.nextSeq) === true) {
      if (this.#window.known()) this.#acknowledge();
    } else {
      this.#append(message);
    }
  }

  #append(body: FrameBody): void {
    const { dispatcher, ackLevel: leastLevel } = this.#stage;
    const { app, ackLevel, session } = this.#head;
    const isTaken = dispatcher.append(
      body,
      STREAM_ROUTE,
      app,
      Encoding.identity,
      Transport.ws,
      this.#origin,
      this,
      true,
    );
    if (!isTaken) {
      this.#end(CloseCode.tryAgain, 'overloaded');
      return;
    }
    if (ackLevel !== leastLevel) dispatcher.lastSlab.want(wantsOf(ackLevel));
    if (session !== undefined) {
      dispatcher.lastSlab.tag(session, this.#window.nextSeq);
      session.inFlight.enter();
    }
    this.#window.sent(this.#origin.generation, body.byteLength);
  }

  framesDone(slab: Slab, from: number, end: number, replies: Replies): void {
    spendFrames(this.#stage.rateLimits, slab.words, from, end);
    if (this.#socket === undefined && this.#head.session === undefined) return;
    for (let frame = from; frame < end; ) {
      const span = this.#window.waiting(slab.generation);
      const behind = Math.min(end, frame + span.count - span.returned);
      this.#spanReturned(span, slab, frame, behind, replies);
      frame = behind;
    }
  }

  /** Messages of one span are back: they are added up, and those with a fault looked at one by one. */
  #spanReturned(span: Span, slab: Slab, from: number, end: number, replies: Replies): void {
    const { session, ackLevel } = this.#head;
    const { words } = slab;
    const firstSeq = span.firstSeq + span.returned;
    let unseen = firstSeq;
    let accepted = 0;
    let rejected = 0;
    let duplicates = 0;
    for (let frame = from; frame < end; frame++) {
      const row = frameRow(frame);
      accepted += words[row + FrameWord.accepted]!;
      duplicates += words[row + FrameWord.duplicates]!;
      const reason = words[row + FrameWord.reason]!;
      const rejectedHere = words[row + FrameWord.rejected]!;
      if (reason === 0 && rejectedHere === 0) continue;
      rejected += Math.max(1, rejectedHere);
      const seq = firstSeq + frame - from;
      if (reason !== 0 && outcome(REASONS[reason]!).retry) {
        if (seq > unseen) session?.seen.add(unseen, seq - 1);
        unseen = seq + 1;
        this.#end(CloseCode.tryAgain, outcome(REASONS[reason]!).message);
      } else {
        span.errors.push(...messageErrors(seq, reason, frame, replies));
      }
    }
    const count = end - from;
    if (firstSeq + count > unseen) session?.seen.add(unseen, firstSeq + count - 1);
    const isWhole = this.#window.returned(span, count, accepted, rejected, duplicates);
    session?.inFlight.leave(count);
    if (!isWhole) return;
    if (ackLevel === this.#stage.ackLevel) this.#settle(span, true);
    else this.#stage.ackWaiters.wait(replies.place, ackLevel, (isReached) => this.#settle(span, isReached));
  }

  #settle(span: Span, isReached: boolean): void {
    if (this.#window.settle(span, isReached)) this.#acknowledge();
  }

  /** Tells the client of its credit when it has changed. */
  lookAtCredit(): void {
    const creditBytes = this.#creditBytes();
    if (!this.#edge.tells(creditBytes, this.#window.unackedBytes)) return;
    this.#send({ type: 'credit', credit_bytes: creditBytes });
  }

  /** None while the app or the key sends more than it may: what comes is taken, and nothing more. */
  #creditBytes(): number {
    const { rateLimits, credit } = this.#stage;
    return rateLimits.isLimited(this.#head.app, this.#head.key, false) ? 0 : credit.credit();
  }

  #acknowledge(): void {
    this.lookAtCredit();
    const { isReached: isAllReached, ...ack } = this.#window.take(ERRORS_PER_ANSWER_MAX);
    this.#edge.acknowledged(this.#window.unackedBytes);
    // Said only where it is not what the welcome said.
    this.#send({ type: 'ack', ...ack, ...(isAllReached ? {} : { ack: this.#stage.ackLevel }) });
    if (this.#closingWith !== undefined && this.#window.isEmpty) this.#closeNow();
  }

  framesLost(count: number): void {
    this.#head.session?.inFlight.leave(count);
    this.#end(CloseCode.tryAgain, 'worker lost; send again what is not acknowledged');
  }

  /** Closes with 1012 when every message that was taken is acknowledged; takes no more. */
  drain(): void {
    this.#closingWith = CloseCode.goingAway;
    if (this.#window.isEmpty) this.#closeNow();
  }

  /** The socket is gone: nothing is sent any more; frames in flight are still scanned. */
  closed(): void {
    this.#socket = undefined;
    this.#release();
  }

  replaced(): void {
    this.#end(CloseCode.replaced, 'another connection has the session');
  }

  #closeNow(): void {
    this.#end(CloseCode.goingAway, 'draining');
  }

  #end(code: number, reason: string): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#release();
    socket?.end(code, reason);
  }

  /** Lets go of the session; what is in flight is still told to it. */
  #release(): void {
    const { session } = this.#head;
    if (session?.owner === this) this.#stage.sessions.release(session);
  }

  #send(message: object): void {
    // 2 is "dropped": the client does not read its acks; uWebSockets closes it for the backlog it was given.
    this.#socket?.send(JSON.stringify(message));
  }
}

function messageErrors(seq: number, reason: number, frame: number, replies: Replies): MessageError[] {
  if (reason !== 0) {
    const code = REASONS[reason]!;
    return [{ seq, index: 0, code, message: messageFor(code, undefined) }];
  }
  const start = replies.table[frame * 2]!;
  const text = Buffer.from(
    replies.bytes.buffer,
    replies.bytes.byteOffset + start,
    replies.table[frame * 2 + 1]!,
  );
  const errors = JSON.parse(text.toString('utf8')) as EventError[];
  return errors.map((error) => ({ seq, ...error }));
}

/** Refusals as answers: what every answer carries of its request, and the problem document of a reason. */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { FrontStage } from '../front.ts';
import { REQUEST_ID_BYTES_MAX } from '../limits.ts';
import { outcome, type Reason, type Status } from '../outcome.ts';
import { problem, STATUS_LINES } from '../problem.ts';
import { numericRefusal } from './answers.ts';
import { readOrigin, writeCors } from './cors.ts';

/** What answers and log lines carry of a request; empty where the request had none, or none that may be echoed. */
export interface Carried {
  readonly corsOrigin: string;
  readonly requestId: string;
  readonly traceparent: string;
}

/** Reads it from the head; request objects of uWebSockets die with their callback. */
export function readCarried(request: HttpRequest): Carried {
  const requestId = request.getHeader('x-request-id');
  return {
    corsOrigin: readOrigin(request),
    requestId: isPlainId(requestId) ? requestId : '',
    traceparent: request.getHeader('traceparent'),
  };
}

/** Ids are echoed and logged, so only plain visible ASCII passes. */
function isPlainId(id: string): boolean {
  return id.length <= REQUEST_ID_BYTES_MAX && /^[\x21-\x7e]*$/.test(id);
}

/**
 * Refuses a request by its head alone; a body that is too large is not read, so its connection ends. `status` and
 * `isNumeric` are the route's, where it has its own.
 */
export function refuseHead(
  stage: FrontStage,
  response: HttpResponse,
  request: HttpRequest,
  reason: Reason,
  allow?: string,
  status: Status = outcome(reason).status,
  isNumeric = false,
  retryAfterSeconds?: number,
): void {
  const close = reason === 'body_too_large';
  refuseRequest(stage, response, reason, status, readCarried(request), {
    close,
    allow,
    withBody: request.getMethod() !== 'head',
    isNumeric,
    retryAfterSeconds,
  });
}

/**
 * How a refusal is sent: `close` ends the connection after it, `allow` names the methods of the route, `isNumeric` is
 * for SDKs that read the status in the body.
 */
export interface RefusalForm {
  readonly isNumeric: boolean;
  readonly close: boolean;
  readonly withBody: boolean;
  readonly allow: string | undefined;
  /** Said where it is not the time that the sinks need. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Answers with the reason's problem, counts and logs it. */
export function refuseRequest(
  stage: FrontStage,
  response: HttpResponse,
  reason: Reason,
  status: Status,
  carried: Carried,
  form: RefusalForm,
): void {
  const requestId = carried.requestId || stage.newRequestId();
  stage.refused(reason, requestId, carried.traceparent);
  response.cork(() => {
    const type = form.isNumeric ? 'application/json' : 'application/problem+json';
    response.writeStatus(STATUS_LINES[status]).writeHeader('Content-Type', type);
    if (outcome(reason).retry) {
      const seconds = form.retryAfterSeconds ?? stage.retryAfterSeconds();
      response.writeHeader('Retry-After', String(seconds));
    }
    if (form.allow !== undefined) response.writeHeader('Allow', form.allow);
    if (status === 401) response.writeHeader('WWW-Authenticate', 'Bearer');
    writeConnection(response, stage);
    response.writeHeader('X-Request-Id', requestId);
    if (carried.corsOrigin !== '') writeCors(response, carried.corsOrigin);
    const body = form.isNumeric
      ? numericRefusal(reason, status)
      : JSON.stringify(problem(reason, { request_id: requestId }, status));
    endWith(response, body, form.withBody, form.close);
  });
}

/**
 * Tells a client of a server that stops to leave this connection by itself: one that it closes under a next request takes
 * the events of SDKs along that never send again.
 */
export function writeConnection(response: HttpResponse, stage: FrontStage): void {
  if (stage.draining()) response.writeHeader('Connection', 'close');
}

/** Ends an answer with `body`, or for HEAD with its length alone. */
export function endWith(response: HttpResponse, body: string, withBody: boolean, close = false): void {
  if (withBody) response.end(body, close);
  // With arguments, endWithoutBody counts as no answer in this release of uWebSockets, which then ends the process.
  else response.writeHeader('Content-Length', String(Buffer.byteLength(body))).endWithoutBody();
}

/**
 * A route handler that cannot take the process along: uWebSockets ends it for an exception. Only a bug gets here;
 * its connection is closed and the bug is logged.
 */
export function guarded(
  stage: FrontStage,
  handle: (response: HttpResponse, request: HttpRequest) => void,
): (response: HttpResponse, request: HttpRequest) => void {
  return (response, request) => {
    try {
      handle(response, request);
    } catch (error) {
      stage.failed(error);
      response.close();
    }
  };
}

/** The routes for operators: liveness, readiness, metrics; and every path that is none of ours. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import type { FrontStage } from '../front.ts';
import { outcome } from '../outcome.ts';
import { STATUS_LINES } from '../problem.ts';
import { receiveElsewhere } from './ingest-routes.ts';
import { endWith, guarded, readCarried, refuseHead, refuseRequest } from './refusal.ts';

/** Readiness, as `/ready` says it. */
export interface Readiness {
  readonly ready: boolean;
  /** State of each part that readiness depends on, by name. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface ServiceStage {
  readiness(): Readiness;
  /** Prometheus text, of one thread if it is named; undefined when there is none of that name. */
  metrics(thread: string | undefined): Promise<string | undefined>;
}

type Answer = (response: HttpResponse, withBody: boolean, request: HttpRequest) => void;

const METHODS = 'GET, HEAD';

/** Registers `/health`, `/ready`, `/metrics` and, last, what becomes of other paths. */
export function registerServiceRoutes(app: TemplatedApp, front: FrontStage, service: ServiceStage): void {
  const routes: Record<string, Answer> = {
    '/health': (response, withBody) => answerJson(response, 200, { status: 'ok' }, withBody),
    '/ready': (response, withBody) => {
      const { ready, parts } = service.readiness();
      answerJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', ...parts }, withBody);
    },
    '/metrics': (response, withBody, request) => answerMetrics(front, response, request, service, withBody),
  };
  for (const [path, answer] of Object.entries(routes)) {
    app.get(path, (response, request) => answer(response, true, request));
    app.head(path, (response, request) => answer(response, false, request));
    app.any(path, (response, request) => refuseHead(front, response, request, 'method_not_allowed', METHODS));
  }
  app.any(
    '/*',
    guarded(front, (response, request) => receiveElsewhere(front, response, request)),
  );
}

function answerJson(
  response: HttpResponse,
  status: keyof typeof STATUS_LINES,
  body: object,
  withBody: boolean,
): void {
  response.cork(() => {
    response.writeStatus(STATUS_LINES[status]).writeHeader('Content-Type', 'application/json');
    response.writeHeader('Cache-Control', 'no-store');
    endWith(response, JSON.stringify(body), withBody);
  });
}

/** `?thread=` asks for one thread's series. */
function answerMetrics(
  front: FrontStage,
  response: HttpResponse,
  request: HttpRequest,
  service: ServiceStage,
  withBody: boolean,
): void {
  const carried = readCarried(request);
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  void service.metrics(request.getQuery('thread')).then((text) => {
    if (aborted) return;
    if (text === undefined) {
      const form = { close: false, withBody, allow: undefined, isNumeric: false };
      refuseRequest(front, response, 'not_found', outcome('not_found').status, carried, form);
      return;
    }
    response.cork(() => {
      response.writeHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
      endWith(response, text, withBody);
    });
  });
}

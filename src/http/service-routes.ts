/** The routes for operators: liveness, readiness, metrics; and every path that is none of ours. */
import type { HttpResponse, TemplatedApp } from 'uWebSockets.js';
import type { FrontStage } from '../front.ts';
import { STATUS_LINES } from '../problem.ts';
import { receiveElsewhere } from './ingest-routes.ts';
import { endWith, guarded, refuseHead } from './refusal.ts';

/** Readiness, as `/ready` says it. */
export interface Readiness {
  readonly ready: boolean;
  /** State of each part that readiness depends on, by name. */
  readonly parts: Readonly<Record<string, string>>;
}

export interface ServiceStage {
  readiness(): Readiness;
  /** Prometheus text. */
  metrics(): Promise<string>;
}

const METHODS = 'GET, HEAD';

/** Registers `/health`, `/ready`, `/metrics` and, last, what becomes of other paths. */
export function registerServiceRoutes(app: TemplatedApp, front: FrontStage, service: ServiceStage): void {
  const routes: Record<string, (response: HttpResponse, withBody: boolean) => void> = {
    '/health': (response, withBody) => answerJson(response, 200, { status: 'ok' }, withBody),
    '/ready': (response, withBody) => {
      const { ready, parts } = service.readiness();
      answerJson(response, ready ? 200 : 503, { status: ready ? 'ready' : 'not_ready', ...parts }, withBody);
    },
    '/metrics': (response, withBody) => answerMetrics(response, service, withBody),
  };
  for (const [path, answer] of Object.entries(routes)) {
    app.get(path, (response) => answer(response, true));
    app.head(path, (response) => answer(response, false));
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

function answerMetrics(response: HttpResponse, service: ServiceStage, withBody: boolean): void {
  let aborted = false;
  response.onAborted(() => {
    aborted = true;
  });
  void service.metrics().then((text) => {
    if (aborted) return;
    response.cork(() => {
      response.writeHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
      endWith(response, text, withBody);
    });
  });
}

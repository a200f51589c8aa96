/** Routes of src/dialects/stubs.ts: what SDKs ask for beside sending events. They read no body and count nothing. */
import type { HttpRequest, HttpResponse, TemplatedApp } from 'uWebSockets.js';
import { STUBS, type Stub } from '../dialects/stubs.ts';
import type { FrontStage } from '../front.ts';
import { STUB_KEY_BYTES_MAX } from '../limits.ts';
import { answerPreflight, readOrigin, writeCors } from './cors.ts';
import { guarded, refuseHead } from './refusal.ts';

/** Registers every stub, with and without a trailing slash. */
export function registerStubRoutes(app: TemplatedApp, stage: FrontStage): void {
  for (const stub of STUBS) {
    const methods = [...stub.methods.map((method) => method.toUpperCase()), 'OPTIONS'].join(', ');
    for (const pattern of [stub.path, `${stub.path}/`]) {
      const answer = guarded(stage, (response, request) => answerStub(response, request, stub));
      if (stub.methods.includes('get')) app.get(pattern, answer);
      if (stub.methods.includes('post')) app.post(pattern, answer);
      app.options(pattern, (response, request) => answerPreflight(response, request, methods));
      app.any(pattern, (response, request) =>
        refuseHead(stage, response, request, 'method_not_allowed', methods),
      );
    }
  }
}

function answerStub(response: HttpResponse, request: HttpRequest, { path, type, body }: Stub): void {
  const origin = readOrigin(request);
  const text = fillIn(body, {
    '{key}': path.includes(':key') ? (request.getParameter(0) ?? '') : (request.getQuery('writeKey') ?? ''),
    '{host}': request.getHeader('host'),
    '{protocol}': request.getHeader('x-forwarded-proto') === 'https' ? 'https' : 'http',
  });
  // A body that comes with a POST is read and dropped by uWebSockets only when somebody listens.
  response.onAborted(() => {});
  response.cork(() => {
    response.writeHeader('Content-Type', type).writeHeader('Cache-Control', 'no-cache');
    if (origin !== '') writeCors(response, origin);
    response.end(text);
  });
}

/** Puts values into a text of JSON; escaped, since they come from the request. */
function fillIn(body: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce(
    (text, [name, value]) =>
      text.replaceAll(name, () => JSON.stringify(value.slice(0, STUB_KEY_BYTES_MAX)).slice(1, -1)),
    body,
  );
}

/**
 * uWebSockets.js and nothing else: looks at the key, takes the body as it comes, answers. It looks at no event, so it is
 * what no server on this library can be faster than, and no rival. How many events a batch has it learns from the first: all
 * of a scenario have as many.
 */
import { App, type HttpResponse, us_socket_local_port } from 'uWebSockets.js';
import { BENCH_KEY } from '../../load.ts';

const ACCEPTED = '{"status":"accepted"}';

let acceptedTotal = 0;
let eventsPerBatch = 0;

function takeFirstBatch(response: HttpResponse, key: string): void {
  const pieces: Buffer[] = [];
  response.onAborted(() => {});
  response.onData((piece, isLast) => {
    pieces.push(Buffer.from(piece.slice(0)));
    if (!isLast) return;
    eventsPerBatch = (JSON.parse(Buffer.concat(pieces).toString()) as unknown[]).length;
    answer(response, key, eventsPerBatch);
  });
}

function take(response: HttpResponse, key: string, events: number): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  response.onData((_piece, isLast) => {
    if (isLast && !isGone) answer(response, key, events);
  });
}

function answer(response: HttpResponse, key: string, events: number): void {
  response.cork(() => {
    if (key !== BENCH_KEY) response.writeStatus('401 Unauthorized');
    else acceptedTotal += events;
    response.writeHeader('Content-Type', 'application/json').end(ACCEPTED);
  });
}

App()
  .post('/v1/events', (response, request) => take(response, request.getHeader('x-api-key'), 1))
  .post('/v1/events/batch', (response, request) => {
    const key = request.getHeader('x-api-key');
    if (eventsPerBatch > 0) take(response, key, eventsPerBatch);
    else takeFirstBatch(response, key);
  })
  .get('/metrics', (response) => {
    response.end(`bench_events_accepted_total ${acceptedTotal}\n`);
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) process.exit(1);
    const port = us_socket_local_port(socket as unknown as Parameters<typeof us_socket_local_port>[0]);
    process.stdout.write(`${JSON.stringify({ listen: [`http://127.0.0.1:${port}`] })}\n`);
  });
process.on('SIGTERM', () => process.exit(0));

/**
 * uWebSockets.js and nothing else: looks at the key, takes the body of one event as it comes, answers. It looks at no
 * event, so it is what no server on this library can be faster than, and no rival.
 */
import { App, type HttpResponse, us_socket_local_port } from 'uWebSockets.js';
import { BENCH_KEY } from '../../load.ts';

const ACCEPTED = '{"status":"accepted"}';

let acceptedTotal = 0;

function take(response: HttpResponse, key: string): void {
  let isGone = false;
  response.onAborted(() => {
    isGone = true;
  });
  response.onData((_piece, isLast) => {
    if (!isLast || isGone) return;
    response.cork(() => {
      if (key !== BENCH_KEY) response.writeStatus('401 Unauthorized');
      else acceptedTotal += 1;
      response.writeHeader('Content-Type', 'application/json').end(ACCEPTED);
    });
  });
}

App()
  .post('/v1/events', (response, request) => take(response, request.getHeader('x-api-key')))
  .get('/metrics', (response) => {
    response.end(`bench_events_accepted_total ${acceptedTotal}\n`);
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) process.exit(1);
    const port = us_socket_local_port(socket as unknown as Parameters<typeof us_socket_local_port>[0]);
    process.stdout.write(`${JSON.stringify({ listen: [`http://127.0.0.1:${port}`] })}\n`);
  });
process.on('SIGTERM', () => process.exit(0));

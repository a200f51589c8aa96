/**
 * What a Node team writes first: Fastify, JSON.parse, a check of the required fields, an answer. It stores
 * nothing, so it is the floor of what handling such a request costs in Node, not a rival with the same promises.
 */
import Fastify from 'fastify';
import { BENCH_KEY } from '../../load.ts';

const BODY_BYTES_MAX = 20_000_000;

interface Event {
  event_type?: unknown;
  device_id?: unknown;
  user_id?: unknown;
  event_id?: unknown;
}

const app = Fastify({ bodyLimit: BODY_BYTES_MAX });
app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
  try {
    done(null, JSON.parse(body as string));
  } catch (error) {
    done(error as Error);
  }
});

function isValid(event: Event): boolean {
  return (
    typeof event.event_type === 'string' &&
    (typeof event.device_id === 'string' || typeof event.user_id === 'string')
  );
}

app.addHook('onRequest', async (request, reply) => {
  if (request.method === 'POST' && request.headers['x-api-key'] !== BENCH_KEY)
    return reply.code(401).send({ code: 'unauthorized' });
  return undefined;
});

let acceptedTotal = 0;

app.post('/v1/events', (request, reply) => {
  const event = request.body as Event;
  if (!isValid(event)) return reply.code(400).send({ code: 'missing_field' });
  acceptedTotal += 1;
  return { status: 'accepted', event_id: event.event_id };
});

app.post('/v1/events/batch', (request, reply) => {
  const events = request.body as Event[];
  let accepted = 0;
  for (const event of events) if (isValid(event)) accepted += 1;
  if (accepted === 0) return reply.code(400).send({ code: 'missing_field' });
  acceptedTotal += accepted;
  return { status: 'accepted', accepted, rejected: events.length - accepted, errors: [] };
});

app.get('/metrics', (_request, reply) =>
  reply.type('text/plain').send(`bench_events_accepted_total ${acceptedTotal}\n`),
);

const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.stdout.write(`${JSON.stringify({ listen: [url] })}\n`);
process.on('SIGTERM', () => process.exit(0));

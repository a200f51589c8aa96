/**
 * What a Node team writes: Fastify, JSON.parse, a check of each event, rows gathered for kafkajs or @clickhouse/client, or
 * appended to a file. `BENCH_SINK` and `BENCH_ACK` choose; with `BENCH_PROCESSES` above 1 it is a cluster.
 */
import cluster from 'node:cluster';
import { gunzip } from 'node:zlib';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { BENCH_KEY } from '../../load.ts';
import { type Ack, openGather } from './keepers.ts';
import { type Fault, isFault, type Origin, type Row, toRow } from './row.ts';

const BODY_BYTES_MAX = 20_000_000;
const EVENTS_MAX = 1000;
const ERRORS_MAX = 100;
const APPS = new Map([[BENCH_KEY, 'bench']]);

const processes = Number(process.env['BENCH_PROCESSES'] ?? 1);
if (cluster.isPrimary && processes > 1) startCluster();
else await serve();

/** All listen on port 0, for which the cluster gives each the same free one. */
function startCluster(): void {
  let waiting = processes;
  for (let index = 0; index < processes; index++) {
    const worker = cluster.fork();
    worker.once('message', ({ url }: { url: string }) => {
      waiting -= 1;
      if (waiting === 0) process.stdout.write(`${JSON.stringify({ listen: [url] })}\n`);
    });
    worker.once('exit', (code) => {
      if (code !== 0) process.exit(1);
    });
  }
  process.on('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
    cluster.disconnect(() => process.exit(0));
  });
}

async function serve(): Promise<void> {
  const gather = await openGather(
    process.env['BENCH_SINK'] ?? 'none',
    (process.env['BENCH_ACK'] ?? 'memory') as Ack,
  );
  let acceptedTotal = 0;
  const app = Fastify({ bodyLimit: BODY_BYTES_MAX });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => {
    const parse = (text: Buffer) => {
      try {
        done(null, JSON.parse(text.toString()));
      } catch (error) {
        done(error as Error);
      }
    };
    if (request.headers['content-encoding'] !== 'gzip') return parse(body as Buffer);
    gunzip(body as Buffer, { maxOutputLength: BODY_BYTES_MAX }, (error, text) =>
      error ? done(error) : parse(text),
    );
  });
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'POST' || APPS.has(String(request.headers['x-api-key']))) return undefined;
    return reply.code(401).send({ code: 'unauthorized' });
  });

  const take = async (events: readonly unknown[], request: FastifyRequest) => {
    const origin = originOf(request);
    const rows: Row[] = [];
    const errors: (Fault & { index: number })[] = [];
    events.forEach((event, index) => {
      const result = toRow(event, origin);
      if (!isFault(result)) rows.push(result);
      else if (errors.length < ERRORS_MAX) errors.push({ index, ...result });
    });
    await gather?.add(rows);
    acceptedTotal += rows.length;
    return { rows, errors };
  };

  app.post('/v1/events', async (request, reply) => {
    const { rows, errors } = await take([request.body], request);
    if (rows[0] === undefined) return reply.code(400).send(errors[0]);
    return { status: 'accepted', event_id: rows[0].event_id };
  });
  app.post('/v1/events/batch', async (request, reply) => {
    const body = request.body as { events?: unknown[] } | unknown[];
    const events = Array.isArray(body) ? body : body.events;
    if (!Array.isArray(events) || events.length === 0) return reply.code(400).send({ code: 'empty_body' });
    if (events.length > EVENTS_MAX) return reply.code(400).send({ code: 'batch_too_large' });
    const { rows, errors } = await take(events, request);
    return answerBatch(reply, events.length, rows.length, errors);
  });
  app.get('/health', () => ({ status: 'ok' }));
  app.get('/metrics', (_request, reply) =>
    reply.type('text/plain').send(`bench_events_accepted_total ${acceptedTotal}\n`),
  );

  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  if (process.send === undefined) process.stdout.write(`${JSON.stringify({ listen: [url] })}\n`);
  else process.send({ url });
  process.on('SIGTERM', () => {
    void (gather?.drain() ?? Promise.resolve()).then(() => process.exit(0));
  });
}

function answerBatch(reply: FastifyReply, all: number, accepted: number, errors: readonly object[]) {
  const rejected = all - accepted;
  if (accepted === 0) reply.code(400);
  return reply.send({ status: rejected === 0 ? 'accepted' : 'partial', accepted, rejected, errors });
}

function originOf(request: FastifyRequest): Origin {
  return {
    appId: APPS.get(String(request.headers['x-api-key'])) ?? '',
    ip: request.ip,
    userAgent: request.headers['user-agent'] ?? '',
    receivedAt: new Date().toISOString(),
  };
}

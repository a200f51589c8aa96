/** Where the Fastify peer keeps its rows, with the clients that a Node team takes for it. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@clickhouse/client';
import kafkajs from 'kafkajs';
import { Gather } from './gather.ts';

/** As Penstock's; where answers wait for it, shorter. */
const CLICKHOUSE_INTERVAL_MS = { memory: 1000, delivered: 100 };
const CLICKHOUSE_ROWS_MAX = 100_000;
const KAFKA_INTERVAL_MS = 50;
const KAFKA_ROWS_MAX = 10_000;
const FILE_ROWS_MAX = 20_000;

export type Ack = 'memory' | 'delivered';

/** Undefined: rows are kept nowhere. */
export async function openGather(sink: string, ack: Ack): Promise<Gather | undefined> {
  if (sink === 'journal') return openFile(join(process.env['BENCH_FOLDER'] ?? '.', `${process.pid}.ndjson`));
  if (sink === 'clickhouse') return openClickHouse(ack);
  if (sink === 'kafka') return openKafka(ack);
  return undefined;
}

/** Appends lines to a file; what is answered was written, as in Penstock's journal. */
async function openFile(path: string): Promise<Gather> {
  const file = await open(path, 'a');
  return new Gather({
    ack: 'delivered',
    intervalMs: 0,
    rowsMax: FILE_ROWS_MAX,
    keep: async (rows) => {
      await file.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    },
  });
}

function openClickHouse(ack: Ack): Gather {
  const client = createClient({
    url: process.env['CLICKHOUSE_URL'] ?? '',
    database: process.env['CLICKHOUSE_DATABASE'] ?? 'default',
    clickhouse_settings: { date_time_input_format: 'best_effort' },
  });
  return new Gather({
    ack,
    intervalMs: CLICKHOUSE_INTERVAL_MS[ack],
    rowsMax: CLICKHOUSE_ROWS_MAX,
    keep: async (values) => {
      await client.insert({ table: 'events', values, format: 'JSONEachRow' });
    },
  });
}

async function openKafka(ack: Ack): Promise<Gather> {
  const kafka = new kafkajs.Kafka({
    brokers: (process.env['KAFKA_BROKERS'] ?? '').split(','),
    logLevel: kafkajs.logLevel.ERROR,
  });
  const producer = kafka.producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  const topic = process.env['KAFKA_TOPIC'] ?? 'events';
  return new Gather({
    ack,
    intervalMs: KAFKA_INTERVAL_MS,
    rowsMax: KAFKA_ROWS_MAX,
    keep: async (rows) => {
      const messages = rows.map((row) => ({
        key: row.device_id || row.user_id,
        value: JSON.stringify(row),
        headers: { event_id: row.event_id },
      }));
      await producer.send({ topic, acks: -1, messages });
    },
  });
}

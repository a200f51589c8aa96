/** What the contract says of the records of lines, by JSON.parse and by kafkajs' own hash, and that batches have just them. */
import { expect } from 'vitest';
import { type Encoded, TARGET } from './batch-harness.ts';
import { kafkajsMurmur2 } from './kafkajs-batches.ts';

/** Of what the tests of a file make by chance. Told, so that PENSTOCK_FUZZ_SEED can make a run again. */
export const SEED = Number(process.env['PENSTOCK_FUZZ_SEED'] ?? Date.now() % 1_000_000_000);
console.log(`record batches: seed ${SEED}`);

/** Each line once, and within each partition in the order of the lines. */
export function expectAll(encoded: Encoded, lines: readonly string[], partitionCount?: number): void {
  const expected = lines.map((line) => expectedOf(line, partitionCount));
  const given = recordsOf(encoded);
  for (const partition of new Set([...given, ...expected].map((record) => record.partition))) {
    const inPartition = (record: Expected) => record.partition === partition;
    expect(given.filter(inPartition)).toEqual(expected.filter(inPartition));
  }
}

interface Expected {
  readonly value: string;
  /** As hexadecimal: buffers are compared element by element. */
  readonly key: string | null;
  readonly partition: number;
  readonly timestamp: string;
  readonly headers: Record<string, string>;
}

/** What the contract says of a line, by JSON.parse and by kafkajs' own hash. */
function expectedOf(line: string, partitionCount = TARGET.partitionCount): Expected {
  const event = JSON.parse(line) as Record<string, string>;
  const text = event['device_id'] ?? event['user_id'];
  const key = text === undefined ? null : Buffer.from(text);
  const hash = key === null ? undefined : kafkajsMurmur2(key) & 0x7fffffff;
  return {
    value: line,
    key: key === null ? null : key.toString('hex'),
    partition: hash === undefined ? TARGET.nullKeyPartition : hash % partitionCount,
    timestamp: String(Date.parse(event['received_at'] ?? '')),
    headers: {
      event_id: Buffer.from(event['event_id'] ?? '').toString(),
      ...(event['app_id'] !== undefined && { app_id: Buffer.from(event['app_id']).toString() }),
    },
  };
}

/** Every record of every batch, in the form of `expectedOf`. */
function recordsOf({ batches }: Encoded): Expected[] {
  return batches.flatMap(({ partition, records }) =>
    records.map(({ value, key, timestamp, headers }) => ({
      value: value.toString(),
      key: key === null ? null : key.toString('hex'),
      partition,
      timestamp,
      headers: Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, text.toString()])),
    })),
  );
}

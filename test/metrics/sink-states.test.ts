import { expect, test } from 'vitest';
import { CounterReader, createCounterMemory, ThreadCounters } from '../../src/metrics/counters.ts';
import { readSinkStates } from '../../src/sink-states.ts';
import { SERVER_STATES, type ServerState } from '../../src/sinks/clickhouse/server.ts';
import { SinkState } from '../../src/sinks/sink.ts';

function start() {
  const memory = createCounterMemory(2);
  const threads = [0, 1].map((slot) => new ThreadCounters(memory, slot));
  return { threads, reader: new CounterReader(memory) };
}

test('a sink that is off has no state, whatever the counters hold', () => {
  const { reader } = start();
  expect(readSinkStates(reader, ['embedded'])).toEqual({
    breakers: [['embedded', 0]],
    kafka: 'off',
    clickhouse: undefined,
  });
});

test('the worst breaker of all threads and streams stands for the sink, and for no other', () => {
  const { reader, threads } = start();
  threads[0]?.set('kafka.events.breaker', 1);
  threads[1]?.set('kafka.rejected.breaker', 2);
  expect(readSinkStates(reader, ['clickhouse', 'kafka']).breakers).toEqual([
    ['clickhouse', 0],
    ['kafka', 2],
  ]);
});

test.each([
  [SinkState.ok, SinkState.ok, 'ok'],
  [SinkState.ok, SinkState.failing, 'failing'],
  [SinkState.failing, SinkState.starting, 'starting'],
])('threads whose Kafka is %i and %i are %s together', (first, second, expected) => {
  const { reader, threads } = start();
  threads[0]?.set('kafkaState', first);
  threads[1]?.set('kafkaState', second);
  expect(readSinkStates(reader, ['kafka']).kafka).toBe(expected);
});

test('a ClickHouse server was seen to work when every thread has seen it', () => {
  const { reader, threads } = start();
  const set = (slot: number, state: ServerState, wasOk: boolean) => {
    threads[slot]?.set('clickhouseState', SERVER_STATES.indexOf(state));
    threads[slot]?.set('clickhouseSeen', wasOk ? 1 : 0);
  };
  set(0, 'ok', true);
  set(1, 'denied', false);
  expect(readSinkStates(reader, ['clickhouse']).clickhouse).toEqual({ state: 'denied', wasOk: false });
  set(1, 'busy', true);
  expect(readSinkStates(reader, ['clickhouse']).clickhouse).toEqual({ state: 'busy', wasOk: true });
});

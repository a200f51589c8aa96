/** What `/ready` and the log are told of a sink whose deliveries fare differently. */
import { expect, test } from 'vitest';
import { SINK_FAILURE_LOG_INTERVAL_MS } from '../../../src/limits.ts';
import { SinkStatus } from '../../../src/sinks/kafka/status.ts';
import { SinkState } from '../../../src/sinks/sink.ts';

function create() {
  const logs: string[] = [];
  const clock = { ms: 0, nowMs: () => 0, monotonicMs: () => clock.ms };
  const log = (fields: object) => void logs.push(Object.values(fields).join(': '));
  return { status: new SinkStatus(clock, { info: log, warn: log, error: log }), logs, clock };
}

test('starting until something was reached, then failing while one part fails', () => {
  const { status } = create();
  const [events, letters] = [status.part('events'), status.part('letters')];
  events.failed(new Error('refused'));
  expect(status.state).toBe(SinkState.starting);
  letters.delivered();
  expect(status.state).toBe(SinkState.failing);
  letters.delivered();
  expect(status.state).toBe(SinkState.failing);
  events.delivered();
  expect(status.state).toBe(SinkState.ok);
});

test('a reason is told once, again after a minute, and when it is another', () => {
  const { status, logs, clock } = create();
  const part = status.part('events');
  for (const reason of ['a', 'a', 'b', 'b']) part.failed(new Error(reason));
  clock.ms += SINK_FAILURE_LOG_INTERVAL_MS;
  part.failed(new Error('b'));
  part.delivered();
  part.delivered();
  expect(logs).toEqual(['events: a', 'events: b', 'events: b', 'events']);
});

// For somebody who was woken: first whether anything is lost, then whether it flows.

import { RED_ABOVE_0 } from './colours.mjs';
import { dashboard } from './dashboard.mjs';
import { lines, number, row, table } from './panels.mjs';
import { HERE, quantiles, rate } from './queries.mjs';

export default dashboard(
  'penstock-overview',
  'Penstock: is it well?',
  'Top to bottom: is data safe, is it flowing, who sends what, what is saturated.',
  [
    row('Is data safe?'),
    number(
      'Counters that disagree',
      'Events that were received and are neither accepted, rejected, repeated nor in flight. Anything but 0 is a fault of Penstock.',
      'short',
      `sum(abs(sum by (job, instance, thread) (penstock_events_received_total{${HERE}}) - sum by (job, instance, thread) (penstock_events_accepted_total{${HERE}}) - sum by (job, instance, thread) (penstock_events_rejected_total{${HERE}}) - sum by (job, instance, thread) (penstock_events_duplicate_total{${HERE}}) - sum by (job, instance, thread) (penstock_events_in_flight{${HERE}})))`,
      { steps: RED_ABOVE_0 },
    ),
    number(
      'Disk takes the journal',
      'While it does not, clients are answered 503; what was acknowledged is on the disk.',
      'short',
      `max(penstock_journal_failing{${HERE}})`,
      { steps: RED_ABOVE_0, words: { 0: 'yes', 1: 'NO' } },
    ),
    number(
      'Journal full to',
      'At 100 % clients are answered 503. It fills while a sink takes less than comes.',
      'percentunit',
      `max(sum by (job, instance) (penstock_journal_bytes{${HERE}}) / (sum by (job, instance) (penstock_journal_max_bytes{${HERE}}) > 0))`,
      {
        steps: [
          [0.2, 'yellow'],
          [0.8, 'red'],
        ],
        decimals: 1,
      },
    ),
    number(
      'Sinks that are away',
      'Breakers that are open or tried: events wait in the journal.',
      'short',
      `count(penstock_sink_breaker_state{${HERE}} > 0) or vector(0)`,
      { steps: RED_ABOVE_0 },
    ),
    number(
      'Rows put aside today',
      'Refused by a sink for good; docs/operations.md says where they are.',
      'short',
      `sum(increase(penstock_sink_rows_refused_total{${HERE}}[24h]))`,
      { steps: RED_ABOVE_0, decimals: 0 },
    ),
    number(
      'Threads that are down',
      'No sign of life within a second: stuck, dead or starting. The dashboard of threads says which.',
      'short',
      `count(penstock_thread_up{${HERE}} == 0) or vector(0)`,
      { steps: RED_ABOVE_0 },
    ),
    row('Is it flowing?'),
    lines('Events', 'What becomes of them; in health accepted is nearly all.', 'ops', [
      [rate('penstock_events_received_total', 'job'), 'received'],
      [rate('penstock_events_accepted_total', 'job'), 'accepted'],
      [rate('penstock_events_rejected_total', 'job'), 'rejected'],
      [rate('penstock_events_duplicate_total', 'job'), 'repeated'],
    ]),
    lines(
      'From the last byte to the answer',
      'Milliseconds in health. Half a second means that clients begin to wait.',
      's',
      quantiles('penstock_ack_seconds', 'transport'),
      { steps: [[0.25, 'red']] },
    ),
    lines('Requests refused', 'Before a byte was read, or whole: by code.', 'reqps', [
      [`${rate('penstock_requests_refused_total', 'code')} > 0`, '{{code}}'],
    ]),
    lines('Delivered to sinks', 'Should follow what is accepted.', 'ops', [
      [rate('penstock_sink_delivered_rows_total', 'sink, stream'), '{{sink}} {{stream}}'],
    ]),
    lines(
      'How far sinks are behind',
      'Age of the oldest row that the sink does not have. The journal keeps it.',
      's',
      [[`max by (sink, stream) (penstock_sink_lag_seconds{${HERE}})`, '{{sink}} {{stream}}']],
      { steps: [[60, 'red']] },
    ),
    lines('Journal', 'Bytes that a sink still needs, and the bound.', 'bytes', [
      [`sum by (instance) (penstock_journal_bytes{${HERE}})`, '{{instance}}'],
      [`max(penstock_journal_max_bytes{${HERE}})`, 'bound, each'],
    ]),
    row('Who is sending what?'),
    lines(
      'Accepted by app',
      'Apps beyond the 32nd of the configuration are `other`, all of open mode `open`.',
      'ops',
      [[`topk(15, ${rate('penstock_events_accepted_total', 'app')})`, '{{app}}']],
      { stack: true },
    ),
    lines(
      'Accepted by dialect and transport',
      'Which SDKs send.',
      'ops',
      [[`${rate('penstock_events_accepted_total', 'dialect, transport')} > 0`, '{{dialect}} {{transport}}']],
      { stack: true },
    ),
    lines(
      'Bytes by app',
      'After decompression.',
      'Bps',
      [[`topk(15, ${rate('penstock_received_bytes_total', 'app')})`, '{{app}}']],
      { stack: true },
    ),
    table(
      'Rejected in the last hour',
      'The events stand in events_rejected with their bytes.',
      `topk(20, sum by (app, code) (increase(penstock_rejections_total{${HERE}}[1h])) > 0)`,
    ),
    lines(
      'Share that is rejected, by app',
      'A client’s release shows here first.',
      'percentunit',
      [
        [
          `${rate('penstock_events_rejected_total', 'app')} / (${rate('penstock_events_received_total', 'app')} > 0)`,
          '{{app}}',
        ],
      ],
      { width: 12, max: 1 },
    ),
    row('What is saturated?'),
    lines(
      'Pressure',
      'The autoscaling signal, 0 to 1, and its parts: waiting for threads wants cores, the journal a faster sink, credit memory.',
      'percentunit',
      [
        [`max by (instance) (penstock_pressure_ratio{${HERE}})`, '{{instance}}'],
        [`max by (part) (penstock_pressure_part_ratio{${HERE}})`, 'part {{part}}'],
      ],
      { max: 1, steps: [[0.8, 'red']] },
    ),
    lines(
      'Processor by thread',
      'Cores; 1 is a thread that never waits.',
      'short',
      [
        [
          `sum by (instance, thread) (rate(penstock_thread_cpu_seconds_total{${HERE}}[$__rate_interval]))`,
          '{{instance}} {{thread}}',
        ],
      ],
      { steps: [[0.9, 'red']] },
    ),
    lines(
      'Memory',
      'Events in memory and their budget; resident memory has code, heaps and remembered ids too.',
      'bytes',
      [
        [`max by (instance) (penstock_memory_used_bytes{${HERE}})`, '{{instance}} events'],
        [`max(penstock_memory_max_bytes{${HERE}})`, 'budget, each'],
        [`max by (instance) (process_resident_memory_bytes{${HERE}})`, '{{instance}} resident'],
      ],
    ),
    lines(
      'Waiting',
      'Frames whose verdict is not back, uploads that wait for memory, answers that wait for fsync or sinks.',
      'short',
      [
        [`sum(penstock_frames_in_flight{${HERE}})`, 'frames in flight'],
        [`sum(penstock_uploads_waiting{${HERE}})`, 'uploads waiting'],
        [`sum(penstock_acks_waiting{${HERE}})`, 'answers waiting'],
        [`sum(penstock_requests_in_flight{${HERE}})`, 'requests in flight'],
      ],
    ),
    lines('Streams', 'Open WebSocket connections, and sessions that are remembered.', 'short', [
      [`sum(penstock_websocket_connections{${HERE}})`, 'connections'],
      [`sum(penstock_sessions{${HERE}})`, 'sessions'],
    ]),
    lines(
      'Credit of a stream',
      'Unacknowledged bytes that a connection may have: shrinks near the bounds, 0 means wait.',
      'bytes',
      [[`min by (instance) (penstock_websocket_credit_bytes{${HERE}})`, '{{instance}}']],
    ),
  ],
);

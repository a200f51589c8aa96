// Where events go.

import { BREAKER_WORDS } from './colours.mjs';
import { dashboard } from './dashboard.mjs';
import { lines, row, states } from './panels.mjs';
import { HERE, quantiles, rate } from './queries.mjs';

export default dashboard(
  'penstock-sinks',
  'Penstock: sinks',
  'Where events go: what each sink takes, how far it is behind, and what it says.',
  [
    row('State'),
    states(
      'Breakers',
      'Away: three sends in a row failed; one block is tried after each pause. Nothing is lost, the journal keeps it.',
      [
        [
          `max by (instance, sink, stream) (penstock_sink_breaker_state{${HERE}})`,
          '{{instance}} {{sink}} {{stream}}',
        ],
      ],
      BREAKER_WORDS,
    ),
    states(
      'ClickHouse server',
      'The worst of the threads; the log has the server’s words.',
      [[`max by (instance) (penstock_clickhouse_state{${HERE}})`, '{{instance}}']],
      {
        0: ['none', 'text'],
        1: ['ok', 'green'],
        2: ['starting', 'yellow'],
        3: ['busy', 'orange'],
        4: ['unreachable', 'red'],
        5: ['denied', 'red'],
        6: ['no tables or too old', 'red'],
      },
    ),
    states(
      'Kafka',
      'The worst of the threads.',
      [[`max by (instance) (penstock_kafka_state{${HERE}})`, '{{instance}}']],
      { 0: ['off or not reached', 'text'], 1: ['ok', 'green'], 2: ['failing', 'red'] },
    ),
    states(
      'Embedded store',
      'While it is down events wait in the journal.',
      [[`max by (instance) (penstock_store_ready{${HERE}})`, '{{instance}}']],
      { 0: ['off or down', 'text'], 1: ['takes blocks', 'green'] },
    ),
    row('How far'),
    lines(
      'Behind, by time',
      'Age of the oldest row that the sink does not have.',
      's',
      [[`max by (sink, stream) (penstock_sink_lag_seconds{${HERE}})`, '{{sink}} {{stream}}']],
      { steps: [[60, 'red']] },
    ),
    lines('Behind, by rows', 'Rows in the journal that the sink does not have.', 'short', [
      [`sum by (sink, stream) (penstock_sink_lag_rows{${HERE}})`, '{{sink}} {{stream}}'],
    ]),
    lines('Delivered', 'Rows that the sink confirmed, or that were put aside for their content.', 'ops', [
      [rate('penstock_sink_delivered_rows_total', 'sink, stream'), '{{sink}} {{stream}}'],
    ]),
    lines('Journal by thread', 'Bytes that a sink needs, or that are written.', 'bytes', [
      [`penstock_journal_bytes{${HERE}}`, '{{instance}} {{thread}}'],
    ]),
    lines('Rows in the journal', 'Not every sink has them.', 'short', [
      [`penstock_journal_rows{${HERE}}`, '{{instance}} {{thread}}'],
    ]),
    lines('Kept for replays', 'Beside the bound; given up when the disk is full.', 'bytes', [
      [`sum by (instance) (penstock_journal_retained_bytes{${HERE}})`, '{{instance}}'],
    ]),
    row('Blocks'),
    lines(
      'Time of a block',
      'From sending it to the answer.',
      's',
      quantiles('penstock_sink_flush_seconds', 'sink'),
    ),
    lines(
      'Rows of a block',
      'Small ones at light load, which makes many parts in ClickHouse; large ones behind.',
      'short',
      quantiles('penstock_sink_flush_rows', 'sink'),
    ),
    lines('Bytes of a block', 'Before compression.', 'bytes', quantiles('penstock_sink_flush_bytes', 'sink')),
    lines('Blocks answered', 'Blocks a second.', 'ops', [
      [rate('penstock_sink_flush_seconds_count', 'sink, stream'), '{{sink}} {{stream}}'],
    ]),
    lines('Failures and retries', 'Sends that failed or took too long, and sends after such a one.', 'ops', [
      [rate('penstock_sink_failures_total', 'sink, stream'), '{{sink}} {{stream}} failed'],
      [rate('penstock_sink_retries_total', 'sink, stream'), '{{sink}} {{stream}} again'],
    ]),
    lines('Held in memory', 'Blocks that gather or are sent.', 'bytes', [
      [`sum by (instance) (penstock_sink_pending_bytes{${HERE}})`, '{{instance}}'],
    ]),
    row('What went wrong'),
    lines('Rows put aside', 'A sink refused them for good.', 'short', [
      [
        `sum by (instance) (increase(penstock_sink_rows_refused_total{${HERE}}[$__rate_interval]))`,
        '{{instance}}',
      ],
    ]),
    lines('Block files that could not be written at once', 'The store’s spool; tried again.', 'short', [
      [
        `sum by (instance) (increase(penstock_sink_write_failures_total{${HERE}}[$__rate_interval]))`,
        '{{instance}}',
      ],
    ]),
    lines('Store restarts, records that Kafka may have twice', 'With acks all the second stays 0.', 'short', [
      [
        `sum by (instance) (increase(penstock_store_restarts_total{${HERE}}[$__rate_interval]))`,
        '{{instance}} restarts',
      ],
      [
        `sum by (instance) (increase(penstock_kafka_maybe_repeated_rows_total{${HERE}}[$__rate_interval]))`,
        '{{instance}} maybe twice',
      ],
    ]),
  ],
);

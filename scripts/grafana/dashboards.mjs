// What stands on the dashboards. For somebody who was woken: first whether anything is lost, then whether it flows.
import { dashboard, HERE, lines, number, quantiles, row, states, table } from './panels.mjs';

const rate = (name, by, labels = '') => `sum by (${by}) (rate(${name}{${HERE}${labels}}[$__rate_interval]))`;
const RED_ABOVE_0 = [[1e-9, 'red']];

const overview = dashboard(
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
      'Breakers that are open: events wait in the journal.',
      'short',
      `count(penstock_sink_breaker_state{${HERE}} == 2) or vector(0)`,
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

const BREAKER_WORDS = { 0: ['ok', 'green'], 1: ['probing', 'yellow'], 2: ['away', 'red'] };

const sinks = dashboard(
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

const threads = dashboard(
  'penstock-threads',
  'Penstock: threads',
  'Where the time goes: the front and the workers, step by step.',
  [
    row('Life'),
    states(
      'Threads',
      'Down: no sign of life within a second.',
      [[`penstock_thread_up{${HERE}}`, '{{instance}} {{thread}}']],
      { 0: ['down', 'red'], 1: ['up', 'green'] },
    ),
    lines(
      'Worker threads',
      'Those that run, those that have their journal; deaths are replaced.',
      'short',
      [
        [`sum by (instance) (penstock_worker_threads{${HERE}})`, '{{instance}} run'],
        [`sum by (instance) (penstock_worker_open{${HERE}})`, '{{instance}} open'],
        [
          `sum by (instance) (increase(penstock_worker_deaths_total{${HERE}}[$__rate_interval]))`,
          '{{instance}} died',
        ],
      ],
      { width: 12 },
    ),
    row('Time'),
    lines('Processor', 'Cores of the thread alone, user and system.', 'short', [
      [
        `sum by (instance, thread, mode) (rate(penstock_thread_cpu_seconds_total{${HERE}}[$__rate_interval]))`,
        '{{instance}} {{thread}} {{mode}}',
      ],
    ]),
    lines(
      'Busy',
      'Share of the time in which the event loop did not wait; 1 is saturated.',
      'percentunit',
      [[`rate(penstock_thread_active_seconds_total{${HERE}}[$__rate_interval])`, '{{instance}} {{thread}}']],
      { max: 1, steps: [[0.9, 'red']] },
    ),
    lines(
      'Event loop delay',
      'How late a timer is: for the front, what every request waits.',
      's',
      quantiles('penstock_event_loop_delay_seconds', 'thread'),
    ),
    row('A slab, step by step'),
    lines(
      'Waits for a thread',
      'From its first frame. Long here alone: more cores.',
      's',
      quantiles('penstock_queue_wait_seconds'),
    ),
    lines('Scan', 'Decompression, scan, repeats.', 's', quantiles('penstock_scan_seconds', 'thread')),
    lines(
      'Journal write',
      'Long here: the disk, or the kernel writing back.',
      's',
      quantiles('penstock_journal_write_seconds', 'thread'),
    ),
    lines(
      'Sync',
      'Only where answers wait for the disk.',
      's',
      quantiles('penstock_journal_sync_seconds', 'thread'),
    ),
    lines(
      'Answer that waits for more',
      'fsync and delivered, beyond the journal; fallbacks are answered with less.',
      's',
      [
        ...quantiles('penstock_ack_wait_seconds', 'level'),
        [rate('penstock_ack_fallbacks_total', 'instance'), '{{instance}} fallbacks/s'],
      ],
    ),
    lines('Processor for the scan of an event', 'Scan time over events.', 's', [
      [
        `sum by (instance) (rate(penstock_scan_seconds_sum{${HERE}}[$__rate_interval])) / (sum by (instance) (rate(penstock_events_received_total{${HERE}}[$__rate_interval])) > 0)`,
        '{{instance}}',
      ],
    ]),
    lines(
      'Frames of a slab',
      'Grows with load: 2048 is full.',
      'short',
      quantiles('penstock_slab_fill_frames'),
    ),
    lines('Bytes of a slab', 'About 900 KiB is full.', 'bytes', quantiles('penstock_slab_fill_bytes')),
    lines('Slabs, frames, lines', 'A second; lines in bytes beside.', 'ops', [
      [rate('penstock_slab_fill_frames_count', 'instance'), '{{instance}} slabs'],
      [rate('penstock_frames_total', 'instance'), '{{instance}} frames'],
      [rate('penstock_line_bytes_total', 'instance'), '{{instance}} bytes of lines'],
    ]),
    row('Memory'),
    lines('JavaScript heap', 'By thread.', 'bytes', [
      [`penstock_thread_heap_used_bytes{${HERE}}`, '{{instance}} {{thread}}'],
    ]),
    lines('Garbage collection', 'Share of the time, by kind.', 'percentunit', [
      [
        `sum by (thread, kind) (rate(penstock_gc_seconds_sum{${HERE}}[$__rate_interval]))`,
        '{{thread}} {{kind}}',
      ],
    ]),
    lines('Longest pauses', 'p99 of each thread.', 's', [quantiles('penstock_gc_seconds', 'thread')[1]]),
    row('Repeats and sessions'),
    lines('Remembered ids', 'Near dedup.ids_max the window is shorter than configured.', 'short', [
      [`max by (instance) (penstock_dedup_ids{${HERE}})`, '{{instance}}'],
    ]),
    lines('Generations of the window', 'Blocks a second.', 'ops', [
      [rate('penstock_dedup_generations_total', 'instance'), '{{instance}}'],
    ]),
    lines(
      'Sessions forgotten, snapshots cut',
      'More than sessions.max, or journal.segment_bytes, has room for.',
      'ops',
      [
        [rate('penstock_sessions_evicted_total', 'instance'), '{{instance}} forgotten'],
        [rate('penstock_session_snapshot_cuts_total', 'instance'), '{{instance}} cut'],
      ],
    ),
    row('Process'),
    lines(
      'Processor, all of it',
      'Cores; beyond the threads are the runtime’s own, such as compilers and collectors.',
      'short',
      [[rate('process_cpu_seconds_total', 'instance'), '{{instance}}']],
    ),
    lines(
      'Journal failures, surrogates',
      'Slabs that the disk did not take; halves of emoji that were replaced.',
      'ops',
      [
        [rate('penstock_journal_failures_total', 'instance'), '{{instance}} slabs not taken'],
        [rate('penstock_surrogates_replaced_total', 'instance'), '{{instance}} surrogates'],
      ],
    ),
    table(
      'What runs',
      'Versions; scanner reference is several times slower than native.',
      `penstock_build_info{${HERE}}`,
      { width: 8 },
    ),
  ],
);

export const DASHBOARDS = { overview, sinks, threads };

// Where the time goes.
import { dashboard } from './dashboard.mjs';
import { lines, row, states, table } from './panels.mjs';
import { HERE, quantiles, rate } from './queries.mjs';

export default dashboard(
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

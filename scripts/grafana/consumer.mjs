// `penstock consume`. First whether records arrive, then what holds them up, then what was put aside.
import { BREAKER_WORDS, RED_ABOVE_0 } from './colours.mjs';
import { dashboard } from './dashboard.mjs';
import { lines, number, row, states } from './panels.mjs';
import { HERE, rate } from './queries.mjs';

const INSERTED = `sum(rate(penstock_consumer_inserted_rows_total{${HERE}}[5m]))`;
const grown = (name, by) => `sum by (${by}) (increase(${name}{${HERE}}[$__rate_interval]))`;

export default dashboard(
  'penstock-consumer',
  'Penstock: from Kafka into ClickHouse',
  'Top to bottom: does it arrive, how far is it behind, what does ClickHouse say, what was put aside.',
  [
    row('Does it arrive?'),
    number(
      'Records lost today',
      'Gone from Kafka before they were read, or refused by the dead-letter topic too. Raise retention.ms first.',
      'short',
      `sum(increase(penstock_consumer_lost_offsets_total{${HERE}}[24h])) + sum(increase(penstock_consumer_lost_letters_total{${HERE}}[24h]))`,
      { steps: RED_ABOVE_0, decimals: 0 },
    ),
    number(
      'ClickHouse takes blocks',
      'While it does not, nothing is fetched and events wait in Kafka. It goes on by itself.',
      'short',
      `max(penstock_consumer_breaker_state{${HERE}})`,
      { steps: RED_ABOVE_0, words: { 0: 'yes', 1: 'tried', 2: 'NO' } },
    ),
    number(
      'Outside of the group',
      'Processes that have no partitions: they join, or Kafka does not let them. The log says why.',
      'short',
      `count(penstock_consumer_joined{${HERE}} == 0) or vector(0)`,
      { steps: RED_ABOVE_0 },
    ),
    number(
      'Records behind',
      'In the topics and not in ClickHouse. Stands still while nothing is fetched.',
      'short',
      `sum(penstock_consumer_lag_records{${HERE}})`,
      { decimals: 0 },
    ),
    number(
      'Behind, in time',
      'What is behind at the pace of the last five minutes; no data when nothing was inserted.',
      's',
      `sum(penstock_consumer_lag_records{${HERE}}) / (${INSERTED} > 0)`,
      {
        steps: [
          [60, 'yellow'],
          [600, 'red'],
        ],
        decimals: 0,
      },
    ),
    number(
      'Put aside today',
      'Records in the dead-letter topic: penstock dlq ls says which, dlq replay brings them back.',
      'short',
      `sum(increase(penstock_consumer_dead_letters_total{${HERE}}[24h]))`,
      { steps: [[1e-9, 'yellow']], decimals: 0 },
    ),
    row('How far?'),
    lines('Behind, by topic', 'Records of all partitions that are not in ClickHouse.', 'short', [
      [`sum by (job, topic) (penstock_consumer_lag_records{${HERE}})`, '{{job}} {{topic}}'],
    ]),
    lines(
      'Partitions that are furthest behind',
      'One alone: a record that waits for the dead-letter topic, or a leader that is away. All alike: too few processes.',
      'short',
      [
        [
          `topk(10, max by (topic, partition) (penstock_consumer_partition_lag_records{${HERE}}))`,
          '{{topic}} {{partition}}',
        ],
      ],
    ),
    lines(
      'Partitions that stand still',
      'They have records, and nothing of them was confirmed for ten minutes.',
      'short',
      [
        [
          `count by (topic) ((penstock_consumer_partition_lag_records{${HERE}} > 0) unless (changes(penstock_consumer_partition_committed_offset{${HERE}}[10m]) > 0))`,
          '{{topic}}',
        ],
      ],
      { steps: [[1, 'red']] },
    ),
    lines('Inserted', 'Rows that ClickHouse confirmed.', 'ops', [
      [rate('penstock_consumer_inserted_rows_total', 'instance'), '{{instance}}'],
    ]),
    lines(
      'Offsets confirmed',
      'By topic, over all partitions: should follow what is written to the topic.',
      'ops',
      [
        [
          `sum by (topic) (deriv(penstock_consumer_partition_committed_offset{${HERE}}[$__rate_interval]))`,
          '{{topic}}',
        ],
      ],
    ),
    lines('Waiting for their block', 'Bytes that were fetched and are not sent.', 'bytes', [
      [`sum by (instance) (penstock_consumer_gathered_bytes{${HERE}})`, '{{instance}}'],
    ]),
    row('What does ClickHouse say?'),
    states(
      'Breaker',
      'Away: three inserts in a row failed, nothing is fetched, one block is tried after each pause. /ready says what it answers.',
      [[`max by (instance) (penstock_consumer_breaker_state{${HERE}})`, '{{instance}}']],
      BREAKER_WORDS,
    ),
    states(
      'Fetching',
      'Paused: ClickHouse takes no blocks.',
      [[`max by (instance) (penstock_consumer_paused{${HERE}})`, '{{instance}}']],
      { 0: ['fetches', 'green'], 1: ['paused', 'red'] },
    ),
    lines(
      'Failures and retries',
      'Inserts that failed or took too long, and inserts after such a one.',
      'ops',
      [
        [rate('penstock_consumer_insert_failures_total', 'instance'), '{{instance}} failed'],
        [rate('penstock_consumer_insert_retries_total', 'instance'), '{{instance}} again'],
      ],
    ),
    lines(
      'Blocks',
      'Inserts a second. Servers want few: too many parts wants a longer consume.flush_interval_ms.',
      'ops',
      [[rate('penstock_consumer_inserted_blocks_total', 'instance'), '{{instance}}']],
    ),
    lines('Rows of a block', 'Mean. Small at light load.', 'short', [
      [
        `${rate('penstock_consumer_inserted_rows_total', 'instance')} / (${rate('penstock_consumer_inserted_blocks_total', 'instance')} > 0)`,
        '{{instance}}',
      ],
    ]),
    row('What was put aside?'),
    lines(
      'Dead letters, by reason',
      'not_canonical, tombstone: another producer. refused_by_clickhouse: the table. unreadable_batch: damaged.',
      'short',
      [[grown('penstock_consumer_dead_letters_total', 'reason'), '{{reason}}']],
      { width: 12 },
    ),
    lines(
      'Lost',
      'Offsets that retention took before they were read; records that the dead-letter topic refused too.',
      'short',
      [
        [grown('penstock_consumer_lost_offsets_total', 'instance'), '{{instance}} offsets'],
        [grown('penstock_consumer_lost_letters_total', 'instance'), '{{instance}} letters'],
      ],
      { width: 12, steps: [[1e-9, 'red']] },
    ),
    row('Group and process'),
    states(
      'Members',
      'Outside: joining, or nothing can be fetched from Kafka.',
      [[`max by (instance) (penstock_consumer_joined{${HERE}})`, '{{instance}}']],
      { 0: ['outside', 'red'], 1: ['member', 'green'] },
    ),
    lines(
      'Partitions dealt anew',
      'Many: processes that die or hang, or sessions that are too short for the load.',
      'short',
      [[grown('penstock_consumer_rebalances_total', 'instance'), '{{instance}}']],
      { width: 12 },
    ),
    lines(
      'Processor',
      'Cores. A process takes one: near it start another, up to the number of partitions.',
      'short',
      [[rate('process_cpu_seconds_total', 'instance'), '{{instance}}']],
      { width: 12, steps: [[0.9, 'red']] },
    ),
    lines(
      'Memory',
      'Resident memory of the process; what waits for its block is part of it.',
      'bytes',
      [[`max by (instance) (process_resident_memory_bytes{${HERE}})`, '{{instance}}']],
      { width: 12 },
    ),
  ],
  'penstock_consumer_joined',
);

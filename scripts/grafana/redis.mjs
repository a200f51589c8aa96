// What processes share over Redis. First whether it is used, then what goes without it.
import { RED_ABOVE_0 } from './colours.mjs';
import { dashboard } from './dashboard.mjs';
import { lines, number, row, states } from './panels.mjs';
import { HERE, rate } from './queries.mjs';

const UNSHARED = ['penstock_redis_ids_untold_total', 'penstock_redis_ids_unanswered_total']
  .map((name) => `sum(rate(${name}{${HERE}}[1h]))`)
  .join(' + ');

export default dashboard(
  'penstock-redis',
  'Penstock: Redis',
  'What processes share: repeats, rate limits, keys. No event waits for it or is lost without it.',
  [
    row('Is it used?'),
    number(
      'Processes without Redis',
      'Away or being tried. They go on by themselves: repeats of others are stored again, limits hold for each alone.',
      'short',
      `count(max by (job, instance) (penstock_redis_state{${HERE}}) >= 2) or vector(0)`,
      { steps: RED_ABOVE_0 },
    ),
    number(
      'Ids not shared, last hour',
      'Of what was accepted: ids that Redis was not told, or did not answer in time. Their repeats at other processes are stored again.',
      'percentunit',
      `(${UNSHARED}) / (sum(rate(penstock_events_accepted_total{${HERE}}[1h])) > 0)`,
      {
        steps: [
          [0.0001, 'yellow'],
          [0.01, 'red'],
        ],
        decimals: 2,
      },
    ),
    number(
      'Refused for want of keys, last hour',
      'A process that never read the registry answers unknown keys 503 keys_unread. Bring Redis back.',
      'short',
      `sum(increase(penstock_requests_refused_total{${HERE},code="keys_unread"}[1h]))`,
      { steps: RED_ABOVE_0, decimals: 0 },
    ),
    states(
      'Connections',
      'One of each worker; the front shows the worse of its two. Away: the log says why, once, then once a minute.',
      [[`max by (instance, thread) (penstock_redis_state{${HERE}})`, '{{instance}} {{thread}}']],
      {
        0: ['off', 'text'],
        1: ['in use', 'green'],
        2: ['being tried', 'yellow'],
        3: ['away', 'red'],
      },
    ),
    row('Repeats across processes'),
    lines(
      'Ids not shared',
      'Untold: Redis is away or takes no writes (OOM, READONLY). Unanswered: slower than redis.timeout_ms.',
      'ops',
      [
        [rate('penstock_redis_ids_untold_total', 'instance'), '{{instance}} untold'],
        [rate('penstock_redis_ids_unanswered_total', 'instance'), '{{instance}} unanswered'],
      ],
    ),
    lines(
      'Wait for a look-up',
      'Mean of a slab, part of the time to its answer. At redis.timeout_ms (50 ms) it goes on without.',
      's',
      [
        [
          `${rate('penstock_redis_lookup_seconds_total', 'instance')} / (${rate('penstock_redis_lookups_total', 'instance')} > 0)`,
          '{{instance}}',
        ],
      ],
      { steps: [[0.05, 'red']] },
    ),
    lines(
      'Ids looked up',
      'Those that a process does not know itself; found are the repeats of others.',
      'ops',
      [
        [rate('penstock_redis_ids_asked_total', 'job'), 'asked'],
        [rate('penstock_redis_ids_found_total', 'job'), 'found'],
        [rate('penstock_events_duplicate_total', 'job'), 'all repeats'],
      ],
    ),
    row('Redis itself'),
    lines(
      'Calls that failed',
      'Too late, or answered with an error. Three in a row give up the connection.',
      'ops',
      [
        [rate('penstock_redis_failures_total', 'instance'), '{{instance}} failed'],
        [rate('penstock_redis_timeouts_total', 'instance'), '{{instance}} of them too late'],
      ],
    ),
    lines('Look-ups', 'Round trips a second: one a slab.', 'ops', [
      [rate('penstock_redis_lookups_total', 'instance'), '{{instance}}'],
    ]),
    lines(
      'Live counters that lack events',
      'Events that the counters of their apps in Redis may not have.',
      'ops',
      [[rate('penstock_redis_counts_lost_total', 'instance'), '{{instance}}']],
    ),
    row('Limits and keys'),
    lines(
      'Requests over a limit',
      'By what was over its rate. Without Redis each process allows the whole limit.',
      'reqps',
      [[rate('penstock_rate_limit_hits_total', 'instance, scope'), '{{instance}} {{scope}}']],
      { width: 12 },
    ),
    lines(
      'Refused for limits and keys',
      'rate_limited: 429. unauthorized: a key that is not known. keys_unread: the registry was never read.',
      'reqps',
      [
        [
          rate('penstock_requests_refused_total', 'code', ',code=~"rate_limited|unauthorized|keys_unread"'),
          '{{code}}',
        ],
      ],
      { width: 12 },
    ),
  ],
);

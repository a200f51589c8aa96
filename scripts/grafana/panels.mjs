// The few forms that panels of our dashboards have, as Grafana's JSON (schemaVersion 39, Grafana 10 and later).
/** A variable of the dashboard. */
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const GREEN = 'green';

/** What every query is narrowed to. */
export const HERE = 'job=~"$job",instance=~"$instance"';

const thresholds = (steps) => ({
  mode: 'absolute',
  steps: [{ color: GREEN, value: null }, ...steps.map(([value, color]) => ({ color, value }))],
});

const targets = (queries, extra = {}) =>
  queries.map(([expr, legendFormat], index) => ({
    datasource: DATASOURCE,
    refId: String.fromCharCode(65 + index),
    expr,
    legendFormat,
    ...extra,
  }));

/** A row's title. */
export const row = (title) => ({ type: 'row', title, collapsed: false, panels: [], width: 24, height: 1 });

/** Lines over time. `queries` are [expression, legend]; `steps` colour the background line by line: [value, colour]. */
export const lines = (
  title,
  description,
  unit,
  queries,
  { width = 8, stack = false, max, steps = [] } = {},
) => ({
  type: 'timeseries',
  title,
  description,
  width,
  height: 8,
  targets: targets(queries),
  fieldConfig: {
    defaults: {
      unit,
      min: 0,
      ...(max === undefined ? {} : { max }),
      thresholds: thresholds(steps),
      custom: {
        lineWidth: 1,
        fillOpacity: stack ? 40 : 8,
        showPoints: 'never',
        spanNulls: false,
        stacking: { mode: stack ? 'normal' : 'none' },
        thresholdsStyle: { mode: steps.length > 0 ? 'line' : 'off' },
      },
    },
    overrides: [],
  },
  options: {
    legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
    tooltip: { mode: 'multi', sort: 'desc' },
  },
});

/** One number now, coloured by `steps`; `words` name values instead. */
export const number = (title, description, unit, expr, { steps = [], words, width = 4, decimals } = {}) => ({
  type: 'stat',
  title,
  description,
  width,
  height: 4,
  targets: targets([[expr, '']], { instant: true }),
  fieldConfig: {
    defaults: {
      unit,
      ...(decimals === undefined ? {} : { decimals }),
      thresholds: thresholds(steps),
      noValue: 'no data',
      mappings:
        words === undefined
          ? []
          : [
              {
                type: 'value',
                options: Object.fromEntries(
                  Object.entries(words).map(([value, text], index) => [value, { text, index }]),
                ),
              },
            ],
    },
    overrides: [],
  },
  options: {
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    colorMode: 'background',
    graphMode: 'none',
    textMode: 'value',
  },
});

/** What each series was when, as bands of colour: states. */
export const states = (title, description, queries, words, { width = 12 } = {}) => ({
  type: 'state-timeline',
  title,
  description,
  width,
  height: 8,
  targets: targets(queries),
  fieldConfig: {
    defaults: {
      custom: { fillOpacity: 80, lineWidth: 0 },
      thresholds: thresholds([]),
      mappings: [
        {
          type: 'value',
          options: Object.fromEntries(
            Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }]),
          ),
        },
      ],
    },
    overrides: [],
  },
  options: { mergeValues: true, showValue: 'never', legend: { displayMode: 'list', placement: 'bottom' } },
});

/** The `limit` largest of an instant query, as a table of its labels. */
export const table = (title, description, expr, { width = 12, unit = 'short' } = {}) => ({
  type: 'table',
  title,
  description,
  width,
  height: 8,
  targets: targets([[expr, '']], { instant: true, format: 'table' }),
  fieldConfig: { defaults: { unit, thresholds: thresholds([]) }, overrides: [] },
  options: { sortBy: [{ displayName: 'Value', desc: true }] },
  transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
});

/** p50 and p99 of a histogram, `by` a label if given. */
export const quantiles = (name, by) => {
  const labels = by === undefined ? 'le' : `${by}, le`;
  const prefix = by === undefined ? '' : `{{${by}}} `;
  return [0.5, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (${labels}) (rate(${name}_bucket{${HERE}}[$__rate_interval])))`,
    `${prefix}p${quantile * 100}`,
  ]);
};

/** A whole dashboard: panels flow from left to right, a row's title begins a new line. */
export const dashboard = (uid, title, description, panels) => {
  let x = 0;
  let y = 0;
  let lineHeight = 0;
  const placed = panels.map(({ width, height, ...panel }, index) => {
    if (x + width > 24 || panel.type === 'row') {
      x = 0;
      y += lineHeight;
      lineHeight = 0;
    }
    const gridPos = { x, y, w: width, h: height };
    x += width;
    lineHeight = Math.max(lineHeight, height);
    const source = panel.type === 'row' ? {} : { datasource: DATASOURCE };
    return { id: index + 1, gridPos, ...source, ...panel };
  });
  const variable = (name, query) => ({
    name,
    label: name,
    type: 'query',
    datasource: DATASOURCE,
    query: { query, refId: name },
    definition: query,
    includeAll: true,
    multi: true,
    current: { text: ['All'], value: ['$__all'] },
    refresh: 2,
    sort: 1,
  });
  return {
    uid,
    title,
    description,
    tags: ['penstock'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    timezone: 'browser',
    links: [
      {
        type: 'dashboards',
        title: 'Penstock',
        tags: ['penstock'],
        asDropdown: false,
        keepTime: true,
        includeVars: true,
      },
    ],
    templating: {
      list: [
        { name: 'datasource', label: 'datasource', type: 'datasource', query: 'prometheus', current: {} },
        variable('job', 'label_values(penstock_build_info, job)'),
        variable('instance', 'label_values(penstock_build_info{job=~"$job"}, instance)'),
      ],
    },
    annotations: {
      list: [
        {
          name: 'restarts',
          datasource: DATASOURCE,
          enable: true,
          iconColor: 'purple',
          expr: `changes(process_start_time_seconds{${HERE}}[$__rate_interval]) > 0`,
          titleFormat: '{{instance}} started',
        },
      ],
    },
    panels: placed,
  };
};

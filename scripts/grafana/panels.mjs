// The few forms that panels of our dashboards have, as Grafana's JSON (schemaVersion 39, Grafana 10 and later).
/** A variable of the dashboard. */
export const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const GREEN = 'green';

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

/** Values that are shown as words: `look` gives the text, and the colour if there is one, of each. */
const mappings = (words, look) => [
  {
    type: 'value',
    options: Object.fromEntries(
      Object.entries(words).map(([value, word], index) => [value, { ...look(word), index }]),
    ),
  },
];

/** What all panels have. `defaults` is how values are shown, `steps` colour them: [from this value, colour]. */
const panel = ({
  type,
  title,
  description,
  width,
  height = 8,
  targets,
  defaults,
  steps = [],
  options,
  ...more
}) => ({
  type,
  title,
  description,
  width,
  height,
  targets,
  fieldConfig: { defaults: { ...defaults, thresholds: thresholds(steps) }, overrides: [] },
  options,
  ...more,
});

/** A row's title. */
export const row = (title) => ({ type: 'row', title, collapsed: false, panels: [], width: 24, height: 1 });

/** Lines over time. `queries` are [expression, legend]; `steps` colour the background line by line: [value, colour]. */
export const lines = (
  title,
  description,
  unit,
  queries,
  { width = 8, stack = false, max, steps = [] } = {},
) =>
  panel({
    type: 'timeseries',
    title,
    description,
    width,
    targets: targets(queries),
    steps,
    defaults: {
      unit,
      min: 0,
      ...(max === undefined ? {} : { max }),
      custom: {
        lineWidth: 1,
        fillOpacity: stack ? 40 : 8,
        showPoints: 'never',
        spanNulls: false,
        stacking: { mode: stack ? 'normal' : 'none' },
        thresholdsStyle: { mode: steps.length > 0 ? 'line' : 'off' },
      },
    },
    options: {
      legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
  });

/** One number now, coloured by `steps`; `words` name values instead. */
export const number = (title, description, unit, expr, { steps = [], words, width = 4, decimals } = {}) =>
  panel({
    type: 'stat',
    title,
    description,
    width,
    height: 4,
    targets: targets([[expr, '']], { instant: true }),
    steps,
    defaults: {
      unit,
      ...(decimals === undefined ? {} : { decimals }),
      noValue: 'no data',
      mappings: words === undefined ? [] : mappings(words, (text) => ({ text })),
    },
    options: {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: 'background',
      graphMode: 'none',
      textMode: 'value',
    },
  });

/** What each series was when, as bands of colour: states. */
export const states = (title, description, queries, words, { width = 12 } = {}) =>
  panel({
    type: 'state-timeline',
    title,
    description,
    width,
    targets: targets(queries),
    defaults: {
      custom: { fillOpacity: 80, lineWidth: 0 },
      mappings: mappings(words, ([text, color]) => ({ text, color })),
    },
    options: { mergeValues: true, showValue: 'never', legend: { displayMode: 'list', placement: 'bottom' } },
  });

/** The largest of an instant query, as a table of its labels. */
export const table = (title, description, expr, { width = 12, unit = 'short' } = {}) =>
  panel({
    type: 'table',
    title,
    description,
    width,
    targets: targets([[expr, '']], { instant: true, format: 'table' }),
    defaults: { unit },
    options: { sortBy: [{ displayName: 'Value', desc: true }] },
    transformations: [{ id: 'organize', options: { excludeByName: { Time: true } } }],
  });

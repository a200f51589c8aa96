import { DATASOURCE } from './panels.mjs';
import { HERE } from './queries.mjs';

/**
 * A whole dashboard: panels flow from left to right, a row's title begins a new line. Jobs and instances to choose from are
 * those that have a series of `jobsWith`.
 */
export const dashboard = (uid, title, description, panels, jobsWith = 'penstock_build_info') => {
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
        variable('job', `label_values(${jobsWith}, job)`),
        variable('instance', `label_values(${jobsWith}{job=~"$job"}, instance)`),
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

/** What is in deploy/, as files: they belong together, say what they are, and pass the checks of Prometheus' own tool. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { DASHBOARDS } from '../../scripts/grafana/dashboards.mjs';
import { namesIn } from '../support/promql.ts';
import { DEPLOY, hasPrometheus, note, promtool, RULES, rulesOf } from './watched.ts';

test('the dashboards in deploy/ are those of scripts/grafana (npm run dashboards)', () => {
  const folder = `${DEPLOY}grafana/dashboards/`;
  const files = readdirSync(folder).map((file) => [
    file,
    JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as unknown,
  ]);
  const made = Object.entries(DASHBOARDS).map(([name, dashboard]) => [`${name}.json`, dashboard]);
  expect(Object.fromEntries(files)).toEqual(Object.fromEntries(made));
});

test('manifests and the compose file are YAML; what they mount and scale on is there', () => {
  const read = (path: string) => parseAllDocuments(readFileSync(`${DEPLOY}${path}`, 'utf8'));
  const objects = read('kubernetes/penstock.yaml').map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as { kind: string; spec?: Record<string, unknown> };
  });
  const scaler = objects.find(({ kind }) => kind === 'HorizontalPodAutoscaler');
  expect(JSON.stringify(scaler)).toContain('"name":"penstock_pressure_ratio"');
  expect(JSON.stringify(read('kubernetes/prometheus-adapter.yaml')[0]?.toJS())).toContain(
    'penstock_pressure_ratio',
  );
  const compose = readFileSync(`${DEPLOY}compose.yaml`, 'utf8');
  const { services } = parse(compose) as { services: Record<string, { volumes: string[] }> };
  for (const mount of Object.values(services).flatMap(({ volumes }) => volumes)) {
    const [source = ''] = mount.split(':');
    if (source.startsWith('.')) expect([source, existsSync(`${DEPLOY}${source}`)]).toEqual([source, true]);
  }
});

test('panels stand beside each other, and each says what it is', () => {
  for (const { panels } of Object.values(DASHBOARDS)) {
    const taken = new Set<string>();
    for (const { gridPos, title, type, description } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      if (type !== 'row') expect([title, description]).toEqual([title, expect.stringMatching(/.{10}/)]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x},${y}`)]).toEqual([title, false]);
          taken.add(`${x},${y}`);
        }
    }
  }
});

test('every alert has a severity, a summary and a description, and a test of its own', () => {
  const tests = readFileSync(`${DEPLOY}prometheus/rules.test.yaml`, 'utf8');
  const alerts = [...rulesOf('appliance'), ...rulesOf('consumer')].filter(({ alert }) => alert !== undefined);
  expect(alerts.length).toBeGreaterThan(20);
  for (const { alert, labels, annotations } of alerts) {
    expect(['critical', 'warning']).toContain(labels?.['severity']);
    expect([alert, annotations?.['summary'], annotations?.['description']]).not.toContain(undefined);
    const firing = new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n\\s+- exp_labels`);
    expect([alert, firing.test(tests)]).toEqual([alert, true]);
  }
});

test.skipIf(!hasPrometheus)(`the rules pass their unit tests${note}`, () => {
  const run = (...parameters: string[]) => {
    const { status, stdout, stderr } = spawnSync(promtool ?? '', parameters, { encoding: 'utf8' });
    expect([status, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining('SUCCESS')]);
  };
  run('check', 'rules', RULES);
  for (const config of ['prometheus', 'compose'])
    run('check', 'config', `${DEPLOY}prometheus/${config}.yaml`);
  run('test', 'rules', `${DEPLOY}prometheus/rules.test.yaml`);
});

describe('the names in an expression', () => {
  test('are those of metrics and labels, not of functions', () => {
    const expression =
      'sum by (a) (rate(x_total{b=~"c"}[1m])) / on (d) group_left () max(y) > 3 or vector(0)';
    expect(namesIn(expression)).toEqual({ metrics: ['x_total', 'y'], labels: ['a', 'b', 'd'] });
    expect(() => namesIn('sum by (')).toThrow('no PromQL');
  });
});

/**
 * What is in deploy/ against the real things: a Prometheus that scrapes a running server, evaluates our rules and answers
 * every query of every dashboard.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { DASHBOARDS } from '../../scripts/grafana/dashboards.mjs';
import { type Running, startServer, until } from '../support/appliance.ts';
import { testEvents } from '../support/events.ts';
import { scrape } from '../support/metrics.ts';
import { findProgram, type Prometheus, startPrometheus } from '../support/prometheus.ts';
import { namesIn } from '../support/promql.ts';
import { StreamClient } from '../support/stream-client.ts';

const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
const RULES = `${DEPLOY}prometheus/rules.yaml`;
const promtool = findProgram('promtool');
const isThere = promtool !== undefined && findProgram('prometheus') !== undefined;
const note = isThere ? '' : ' (skipped: no prometheus)';

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
const rules = (parse(readFileSync(RULES, 'utf8')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

interface Query {
  readonly where: string;
  readonly expression: string;
  readonly legend: string;
}

/** As Grafana would send it for all jobs and instances. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:job|instance)\b/g, '.+');
}

const queries: Query[] = Object.entries(DASHBOARDS).flatMap(([name, dashboard]) => {
  const ofPanels = dashboard.panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr, legendFormat }) => ({
      where: `${name}: ${panel.title}`,
      expression: filledIn(expr),
      legend: legendFormat,
    })),
  );
  const ofNotes = dashboard.annotations.list.map(({ name: title, expr }) => ({
    where: `${name}: ${title}`,
    expression: filledIn(expr),
    legend: '',
  }));
  return [...ofPanels, ...ofNotes];
});

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
  const alerts = rules.filter(({ alert }) => alert !== undefined);
  expect(alerts.length).toBeGreaterThan(12);
  for (const { alert, labels, annotations } of alerts) {
    expect(['critical', 'warning']).toContain(labels?.['severity']);
    expect([alert, annotations?.['summary'], annotations?.['description']]).not.toContain(undefined);
    const firing = new RegExp(`alertname: ${alert}\\n\\s+exp_alerts:\\n\\s+- exp_labels`);
    expect([alert, firing.test(tests)]).toEqual([alert, true]);
  }
});

test.skipIf(!isThere)(`the rules pass their unit tests${note}`, () => {
  const run = (...parameters: string[]) => {
    const { status, stdout, stderr } = spawnSync(promtool ?? '', parameters, { encoding: 'utf8' });
    expect([status, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining('SUCCESS')]);
  };
  run('check', 'rules', RULES);
  for (const config of ['prometheus', 'compose'])
    run('check', 'config', `${DEPLOY}prometheus/${config}.yaml`);
  run('test', 'rules', `${DEPLOY}prometheus/rules.test.yaml`);
});

describe.skipIf(!isThere)(`a Prometheus that scrapes a server${note}`, () => {
  let server: Running;
  let prometheus: Prometheus;
  beforeAll(async () => {
    server = await startServer({ config: { workers: 2 as never } });
    prometheus = await startPrometheus([new URL(server.url).host], [RULES]);
    // What is sent later is a rise then.
    const isScraped = async () => (await prometheus.series('penstock_events_received_total')).length > 0;
    await until(isScraped, 20_000, 'the server is scraped');
  }, 90_000);
  afterAll(async () => {
    await (prometheus as Prometheus | undefined)?.stop();
    expect(await server.stop()).toBe(0);
  });

  test('finds the target up, and its numbers are those of what was sent', async () => {
    const post = (body: unknown) =>
      fetch(`${server.url}/v1/events/batch`, { method: 'POST', body: JSON.stringify(body) });
    const bad = { event_type: 'x' };
    expect((await post([...testEvents(50), bad, bad])).status).toBe(200);
    expect((await post(testEvents(50))).status).toBe(200);
    const client = await StreamClient.connect(server.streamUrl);
    for (const event of testEvents(20, 'ws')) client.send(event);
    await client.acked(20);
    await fetch(`${server.url}/v1/batch`, {
      method: 'POST',
      body: '{"batch":[{"type":"track","event":"e","userId":"u","messageId":"m"}]}',
    });
    const value = async (expression: string) => Number((await prometheus.query(expression))[0]?.value[1]);
    await until(
      async () => (await value('sum(penstock_events_received_total)')) === 123,
      20_000,
      'all is scraped',
    );
    expect(await value('up{job="penstock"}')).toBe(1);
    expect(await value('sum(penstock_events_accepted_total{transport="ws"})')).toBe(20);
    expect(await value('sum(penstock_events_accepted_total{dialect="segment"})')).toBeLessThanOrEqual(1);
    expect(await value('sum(penstock_events_duplicate_total)')).toBe(50);
    expect(await value('sum(penstock_rejections_total{code="missing_field"})')).toBe(2);
    expect(await value('count(penstock_thread_up == 1)')).toBe(3);
    expect(await value('sum(penstock_ack_seconds_count)')).toBe(23);
    client.close();
  }, 60_000);

  test('evaluates every rule without an error, and no alert fires', async () => {
    interface Evaluated {
      readonly name: string;
      readonly health: string;
      readonly lastError?: string;
      readonly state?: string;
    }
    let seen: Evaluated[] = [];
    const isEvaluated = async () => {
      const { groups } = await prometheus.get<{ groups: { rules: Evaluated[] }[] }>('/api/v1/rules');
      seen = groups.flatMap((group) => group.rules);
      return seen.every(({ health }) => health !== 'unknown');
    };
    await until(isEvaluated, 30_000, 'all rules are evaluated');
    expect(seen.length).toBe(rules.length);
    for (const { name, health, lastError, state } of seen) {
      expect([name, health, lastError]).toEqual([name, 'ok', undefined]);
      expect([name, state]).not.toEqual([name, 'firing']);
    }
    const isLawful = async () => {
      const unaccounted = await prometheus.query('thread:penstock_events_unaccounted:difference');
      return unaccounted.length === 2 && unaccounted.every(({ value }) => value[1] === '0');
    };
    await until(isLawful, 20_000, 'both threads account for all events');
  }, 60_000);

  /** By metric, the labels that its series have; none when it is not there. */
  const labelsByMetric = new Map<string, ReadonlySet<string>>();
  async function labelsOf(metric: string): Promise<ReadonlySet<string>> {
    const known = labelsByMetric.get(metric);
    if (known !== undefined) return known;
    const labels = new Set((await prometheus.series(metric)).flatMap((series) => Object.keys(series)));
    labelsByMetric.set(metric, labels);
    return labels;
  }

  /** Fails for a metric that is not there, and for a label that no series of the metrics has. */
  async function expectNamed(where: string, expression: string): Promise<void> {
    const { metrics, labels } = namesIn(expression);
    const seen = new Set<string>();
    for (const metric of metrics) {
      const own = await labelsOf(metric);
      expect([where, metric, own.size > 0]).toEqual([where, metric, true]);
      for (const label of own) seen.add(label);
    }
    for (const label of labels) expect([where, label, seen.has(label)]).toEqual([where, label, true]);
  }

  test('has every series and label that the rules name', async () => {
    for (const { record = 'up' } of rules) {
      const isRecorded = async () => (await prometheus.series(record)).length > 0;
      await until(isRecorded, 30_000, `${record} has a series`);
    }
    for (const { alert, record, expr } of rules) await expectNamed(alert ?? record ?? '', expr);
  }, 60_000);

  test('has every series and label that the dashboards name, and answers their queries', async () => {
    expect(queries.length).toBeGreaterThan(80);
    for (const { where, expression, legend } of queries) {
      await expectNamed(where, expression);
      const result = await prometheus.query(expression);
      const wanted = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      for (const { metric } of result) {
        for (const label of wanted)
          expect([where, Object.keys(metric)]).toEqual([where, expect.arrayContaining([label])]);
      }
    }
    const { series } = { series: await prometheus.series('penstock_build_info') };
    expect(series[0]).toMatchObject({ job: 'penstock', instance: new URL(server.url).host });
  }, 180_000);

  test('finds nothing to complain about in the names, types and helps of a scrape', async () => {
    const text = await scrape(server.url);
    const said = execFileSync(promtool ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect(said).toBe('');
  });
});

describe('the names in an expression', () => {
  test('are those of metrics and labels, not of functions', () => {
    const expression =
      'sum by (a) (rate(x_total{b=~"c"}[1m])) / on (d) group_left () max(y) > 3 or vector(0)';
    expect(namesIn(expression)).toEqual({ metrics: ['x_total', 'y'], labels: ['a', 'b', 'd'] });
    expect(() => namesIn('sum by (')).toThrow('no PromQL');
  });
});

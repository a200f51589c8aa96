/** What deploy/ asks of a Prometheus: rules and queries, by whose series they are, and a look whether those are there. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { DASHBOARDS } from '../../scripts/grafana/dashboards.mjs';
import { findProgram } from '../../scripts/stack/processes.mjs';
import { until } from '../support/appliance.ts';
import type { Prometheus } from '../support/prometheus.ts';
import { namesIn } from '../support/promql.ts';

export const DEPLOY = fileURLToPath(new URL('../../deploy/', import.meta.url));
export const RULES = `${DEPLOY}prometheus/rules.yaml`;

export const promtool = findProgram('promtool');
export const hasPrometheus = promtool !== undefined && findProgram('prometheus') !== undefined;
/** Behind the name of a test that is skipped without it. */
export const note = hasPrometheus ? '' : ' (skipped: no prometheus)';

/** The processes that have a `/metrics`. */
export type Watched = 'appliance' | 'consumer';

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { name: string; rules: Rule[] }[] };

/** Those over the series of a process. */
export function rulesOf(watched: Watched): readonly Rule[] {
  const isOf = (group: string) => (group === 'penstock-consumer') === (watched === 'consumer');
  return groups.filter(({ name }) => isOf(name)).flatMap((group) => group.rules);
}

export interface Query {
  readonly where: string;
  readonly expression: string;
  readonly legend: string;
}

/** As Grafana would send it for all jobs and instances. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll(/\$(?:job|instance)\b/g, '.+');
}

/** Those of the dashboards that show a process. */
export function queriesOf(watched: Watched): Query[] {
  const own = Object.entries(DASHBOARDS).filter(
    ([name]) => (name === 'consumer') === (watched === 'consumer'),
  );
  return own.flatMap(([name, dashboard]) => {
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
}

interface Evaluated {
  readonly name: string;
  readonly health: string;
  readonly lastError?: string;
  readonly state?: string;
}

/** Every rule is evaluated without an error, and no alert fires. */
export async function expectQuiet(prometheus: Prometheus): Promise<void> {
  let seen: Evaluated[] = [];
  const isEvaluated = async () => {
    const answer = await prometheus.get<{ groups: { rules: Evaluated[] }[] }>('/api/v1/rules');
    seen = answer.groups.flatMap((group) => group.rules);
    return seen.every(({ health }) => health !== 'unknown');
  };
  await until(isEvaluated, 30_000, 'all rules are evaluated');
  expect(seen.length).toBe(groups.flatMap(({ rules }) => rules).length);
  for (const { name, health, lastError, state } of seen) {
    expect([name, health, lastError]).toEqual([name, 'ok', undefined]);
    expect([name, state]).not.toEqual([name, 'firing']);
  }
}

/** Looks whether a Prometheus has what expressions name. It remembers what it saw. */
export class Names {
  readonly #prometheus: Prometheus;
  readonly #labels = new Map<string, ReadonlySet<string>>();

  constructor(prometheus: Prometheus) {
    this.#prometheus = prometheus;
  }

  /** Fails for a metric of the rules that is not there, and for a label that no series of the metrics has. */
  async expectRules(rules: readonly Rule[]): Promise<void> {
    for (const { record = 'up' } of rules) {
      const isRecorded = async () => (await this.#prometheus.series(record)).length > 0;
      await until(isRecorded, 30_000, `${record} has a series`);
    }
    for (const { alert, record, expr } of rules) await this.#expectNamed(alert ?? record ?? '', expr);
  }

  /** The same for queries, whose results must have the labels that their legends name. */
  async expectQueries(queries: readonly Query[]): Promise<void> {
    for (const { where, expression, legend } of queries) {
      await this.#expectNamed(where, expression);
      const result = await this.#prometheus.query(expression);
      const wanted = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      for (const { metric } of result) {
        expect([where, Object.keys(metric)]).toEqual([where, expect.arrayContaining(wanted)]);
      }
    }
  }

  async #expectNamed(where: string, expression: string): Promise<void> {
    const { metrics, labels } = namesIn(expression);
    const seen = new Set<string>();
    for (const metric of metrics) {
      const own = await this.#labelsOf(metric);
      expect([where, metric, own.size > 0]).toEqual([where, metric, true]);
      for (const label of own) seen.add(label);
    }
    for (const label of labels) expect([where, label, seen.has(label)]).toEqual([where, label, true]);
  }

  /** Labels that the series of a metric have; none when it is not there. */
  async #labelsOf(metric: string): Promise<ReadonlySet<string>> {
    const known = this.#labels.get(metric);
    if (known !== undefined) return known;
    const labels = new Set((await this.#prometheus.series(metric)).flatMap((series) => Object.keys(series)));
    this.#labels.set(metric, labels);
    return labels;
  }
}

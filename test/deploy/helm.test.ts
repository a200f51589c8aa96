/** The chart, rendered by Helm itself, against the manifests beside it and against what the program reads. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { helmProgram } from '../../scripts/stack/helm.mjs';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import { DEPLOY, RULES } from './watched.ts';

const CHART = `${DEPLOY}helm/penstock`;
const helm = helmProgram();
const note = helm === undefined ? ' (skipped: no helm)' : '';
const ALL = [
  'autoscaling.enabled=true',
  'monitoring.serviceMonitor=true',
  'monitoring.rules=true',
  'monitoring.labels.release=prometheus',
  'storage.className=fast',
  'podSpec.nodeSelector.disk=nvme',
];

interface Container {
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly object[];
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [Container];
  readonly [field: string]: unknown;
}
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: Record<string, unknown>;
  readonly data: Readonly<Record<string, string>>;
}
interface StatefulSet extends Manifest {
  readonly spec: Manifest['spec'] & {
    readonly replicas?: number;
    readonly template: { readonly metadata: Manifest['metadata']; readonly spec: Pod };
    readonly volumeClaimTemplates: [{ spec: { resources: { requests: { storage: string } } } }];
  };
}

/** Those of one file, by kind. */
function byKind(text: string): Map<string, Manifest> {
  const objects = parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });
  return new Map(objects.map((object) => [object.kind, object]));
}

test('the chart is of the version of the program', () => {
  const { appVersion } = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as { appVersion: string };
  const file = fileURLToPath(new URL('../../package.json', import.meta.url));
  expect(appVersion).toBe((JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version);
});

describe.skipIf(helm === undefined)(`the chart${note}`, () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-helm-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function run(command: string, parameters: readonly string[], values: readonly string[]) {
    const sets = values.flatMap((value) => ['--set', value]);
    // Its own folders are in the home directory otherwise.
    const env = { ...process.env, HELM_CACHE_HOME: folder, HELM_CONFIG_HOME: folder, HELM_DATA_HOME: folder };
    return spawnSync(helm ?? '', [command, ...parameters, CHART, ...sets], { encoding: 'utf8', env });
  }
  function render(...values: string[]): Map<string, Manifest> {
    const { status, stdout, stderr } = run('template', ['penstock'], values);
    expect([status, status === 0 ? '' : stderr]).toEqual([0, '']);
    return byKind(stdout);
  }
  const statefulSet = (objects: Map<string, Manifest>) => objects.get('StatefulSet') as StatefulSet;
  const configOf = async (objects: Map<string, Manifest>): Promise<Config> => {
    writeFileSync(join(folder, 'penstock.yaml'), objects.get('ConfigMap')?.data['penstock.yaml'] ?? '');
    const [{ env }] = statefulSet(objects).spec.template.spec.containers;
    const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    expect(own['PENSTOCK_CONFIG']).toBe('/etc/penstock/penstock.yaml');
    const loaded = await loadConfig({
      env: { ...own, PENSTOCK_CONFIG: join(folder, 'penstock.yaml') },
      directory: folder,
    });
    if (!('config' in loaded)) throw new Error(JSON.stringify(loaded));
    return loaded.config;
  };

  test('passes its lint, as it is and with all that it can have', () => {
    for (const values of [[], ALL]) {
      const { status, stdout } = run('lint', ['--strict'], values);
      expect([status, stdout]).toEqual([0, expect.stringContaining('0 chart(s) failed')]);
    }
  });

  test('makes the objects of the plain manifests, and a configuration', () => {
    const plain = byKind(readFileSync(`${DEPLOY}kubernetes/penstock.yaml`, 'utf8'));
    const made = render('autoscaling.enabled=true');
    expect([...made.keys(), 'Secret'].toSorted()).toEqual([...plain.keys(), 'ConfigMap'].toSorted());
    for (const kind of ['Service', 'PodDisruptionBudget', 'HorizontalPodAutoscaler']) {
      expect([kind, unlabelled(made.get(kind)?.spec)]).toEqual([kind, unlabelled(plain.get(kind)?.spec)]);
    }
    const [own, other] = [made, plain].map((objects) => unlabelled(statefulSet(objects).spec));
    const { template, ...spec } = own as StatefulSet['spec'];
    const { template: plainTemplate, ...plainSpec } = other as StatefulSet['spec'];
    expect(spec).toEqual(plainSpec);
    const { volumes, containers, ...pod } = template.spec;
    const { containers: plainContainers, ...plainPod } = plainTemplate.spec;
    expect(pod).toEqual(plainPod);
    const [plainContainer] = plainContainers;
    expect(volumes).toEqual([{ name: 'config', configMap: { name: 'penstock' } }]);
    expect(containers[0]).toEqual({
      ...plainContainer,
      image: 'penstock:0.1.0',
      imagePullPolicy: 'IfNotPresent',
      env: [...plainContainer.env, { name: 'PENSTOCK_CONFIG', value: '/etc/penstock/penstock.yaml' }],
      volumeMounts: [
        ...plainContainer.volumeMounts,
        { name: 'config', mountPath: '/etc/penstock', readOnly: true },
      ],
    });
  });

  test('selects its own pods, by what never changes', () => {
    const objects = render();
    const { template, selector } = statefulSet(objects).spec as StatefulSet['spec'] & { selector: unknown };
    expect(selector).toEqual({ matchLabels: template.metadata.labels });
    expect(objects.get('PodDisruptionBudget')?.spec['selector']).toEqual(selector);
    expect(objects.get('Service')?.spec['selector']).toEqual(template.metadata.labels);
    expect(Object.keys(template.metadata.labels)).toEqual([
      'app.kubernetes.io/name',
      'app.kubernetes.io/instance',
    ]);
  });

  test('has as many pods as core groups, but where the autoscaler says how many', () => {
    expect(statefulSet(render('coreGroups=5')).spec.replicas).toBe(5);
    const scaled = render('coreGroups=5', 'autoscaling.enabled=true');
    expect(statefulSet(scaled).spec.replicas).toBeUndefined();
    expect(scaled.get('HorizontalPodAutoscaler')?.spec['minReplicas']).toBe(5);
  });

  test('gives the program a configuration that it takes, and time and room for what stands in it', async () => {
    const objects = render();
    const { drainTimeoutMs, journal, workers } = await configOf(objects);
    const { spec } = statefulSet(objects);
    expect(workers).toBe(3);
    expect(spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(
      drainTimeoutMs + 5000,
    );
    const [{ spec: claim }] = spec.volumeClaimTemplates;
    const bytes = Number.parseInt(claim.resources.requests.storage, 10) * 1024 ** 3;
    expect(bytes).toBeGreaterThan(journal.maxBytes * 1.25);
    // Helm writes large numbers with an exponent.
    const other = render('config.journal.max_bytes=17179869184', 'config.drain_timeout_ms=60500', 'cores=8');
    expect(await configOf(other)).toMatchObject({ journal: { maxBytes: 17_179_869_184 }, workers: 7 });
    expect(statefulSet(other).spec.template.spec.terminationGracePeriodSeconds).toBe(66);
  });

  test('starts pods anew when their configuration changes, and for nothing else that they do not read', () => {
    const podOf = (...values: string[]) => JSON.stringify(statefulSet(render(...values)).spec.template);
    expect(podOf('config.log.level=debug')).not.toBe(podOf());
    expect(podOf('coreGroups=7', 'autoscaling.enabled=true', 'monitoring.rules=true')).toBe(podOf());
  });

  test('has the operator scrape the service and take the rules of deploy/prometheus', () => {
    const objects = render(...ALL);
    const { metadata, spec } = objects.get('PrometheusRule') ?? {};
    expect(metadata?.labels['release']).toBe('prometheus');
    expect(spec).toEqual(parse(readFileSync(RULES, 'utf8')));
    const monitor = objects.get('ServiceMonitor')?.spec as {
      selector: { matchLabels: object };
      endpoints: { port: string; path: string }[];
    };
    const service = objects.get('Service');
    expect(service?.metadata.labels).toMatchObject(monitor.selector.matchLabels);
    expect(service?.spec['ports']).toMatchObject([{ name: monitor.endpoints[0]?.port }]);
    // Not scraped twice.
    expect(JSON.stringify(statefulSet(objects).spec.template)).not.toContain('prometheus.io');
  });

  test.each([
    ['a value that it does not have', 'replicas=3'],
    ['a key that the chart sets', 'config.http.port=9000'],
    ['another', 'config.workers=2'],
    ['cores without a worker', 'cores=1'],
  ])('refuses %s', (_, value) => {
    const { status, stderr } = run('template', ['penstock'], [value]);
    expect([status === 0, stderr]).toEqual([false, expect.stringContaining("don't meet the specifications")]);
  });
});

/** Without what tells pods of a release apart: the manifests have one word for it, the chart two. */
function unlabelled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unlabelled);
  if (typeof value !== 'object' || value === null) return value;
  const names = ['labels', 'annotations', 'matchLabels'];
  const entries = Object.entries(value)
    .filter(([name, inner]) => !names.includes(name) && !(name === 'selector' && !hasMatch(inner)))
    .map(([name, inner]) => [name, unlabelled(inner)]);
  return Object.fromEntries(entries);
}

/** A service's selector is labels alone. */
function hasMatch(selector: unknown): boolean {
  return typeof selector === 'object' && selector !== null && 'matchLabels' in selector;
}

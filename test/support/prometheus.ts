/** A real Prometheus for tests: Debian's package, on a free port, with its own folder, ended by process id. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { findProgram } from '../../scripts/stack/processes.mjs';
import { until } from './appliance.ts';
import { freePort } from './ports.ts';

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface Prometheus {
  readonly url: string;
  /** The instant result of a query; throws with Prometheus' own words when it is refused. */
  query(expression: string): Promise<Series[]>;
  /** Label sets of all series of a metric that were seen. */
  series(name: string): Promise<Readonly<Record<string, string>>[]>;
  get<Data>(path: string): Promise<Data>;
  stop(): Promise<void>;
}

/** Starts one that scrapes a target (host:port) by job, each once a second, and evaluates `ruleFiles`. */
export async function startPrometheus(
  targets: Readonly<Record<string, string>>,
  ruleFiles: readonly string[],
): Promise<Prometheus> {
  const program = findProgram('prometheus');
  if (program === undefined) throw new Error('no prometheus');
  const folder = mkdtempSync(join(tmpdir(), 'penstock-prometheus-'));
  const port = await freePort();
  const file = join(folder, 'prometheus.yml');
  writeFileSync(
    file,
    stringify({
      // A scrape that takes longer than its time makes every series stale.
      global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
      rule_files: ruleFiles,
      scrape_configs: Object.entries(targets).map(([job, target]) => ({
        job_name: job,
        static_configs: [{ targets: [target] }],
      })),
    }),
  );
  const child = spawn(
    program,
    [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-2_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  const get = async <Data>(path: string): Promise<Data> => {
    const answer = (await (await fetch(`${url}${path}`)).json()) as { data: Data; error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer.data;
  };
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const isReady = async () => (await fetch(`${url}/-/ready`)).ok;
    await until(isReady, 30_000, () => `Prometheus is ready: ${said}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    get,
    stop,
    query: async (expression) => {
      const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
      return (await get<{ result: Series[] }>(path)).result;
    },
    series: (name) => get(`/api/v1/series?match[]=${encodeURIComponent(`{__name__="${name}"}`)}`),
  };
}

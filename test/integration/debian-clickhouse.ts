/**
 * Debian's clickhouse-server (18.16 in bookworm), a real server of another make, for tests: own folder, free port, ended by
 * process id. It knows neither tokens nor JSON columns, but it is what speaks ClickHouse's HTTP when nobody of this
 * repository does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from '../../scripts/stack/processes.mjs';
import { until } from '../support/appliance.ts';
import { freePorts } from '../support/ports.ts';

/** The program, or undefined where it is not installed (apt-get install clickhouse-server). */
export const DEBIAN_CLICKHOUSE = findProgram('clickhouse-server');

export interface DebianClickHouse {
  readonly url: string;
  kill(): Promise<void>;
  restart(): Promise<void>;
  /** SIGTERM and wait; removes its folder. */
  stop(): Promise<void>;
}

/** Resolves when it answers. */
export async function startDebianClickHouse(): Promise<DebianClickHouse> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-clickhouse-18-'));
  const [port, tcpPort] = await freePorts(2);
  mkdirSync(join(folder, 'data'));
  writeFileSync(
    join(folder, 'users.xml'),
    '<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default><password>hunter2</password>' +
      '<networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users></yandex>',
  );
  writeFileSync(
    join(folder, 'config.xml'),
    `<yandex><logger><level>warning</level><console>1</console></logger><http_port>${port}</http_port>` +
      `<tcp_port>${tcpPort}</tcp_port><listen_host>127.0.0.1</listen_host><path>${folder}/data/</path>` +
      `<tmp_path>${folder}/tmp/</tmp_path><users_config>${folder}/users.xml</users_config>` +
      '<default_profile>default</default_profile><default_database>default</default_database>' +
      '<mark_cache_size>67108864</mark_cache_size></yandex>',
  );
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    child = spawn(DEBIAN_CLICKHOUSE ?? '', [`--config-file=${folder}/config.xml`], {
      cwd: folder,
      stdio: 'ignore',
    });
    await until(async () => (await fetch(`${url}/ping`)).ok, 30_000, 'clickhouse-server answers');
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await gone;
  }

  await start();
  return {
    url,
    kill: () => end('SIGKILL'),
    restart: start,
    async stop() {
      await end('SIGTERM');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

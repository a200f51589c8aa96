/**
 * `penstock store --writable` for tests: the real command as a process group of its own, on a free port, with its own data
 * folder, ended by process id. It can be killed with SIGKILL and started again on the same port and data.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export interface WritableStore {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  /** Text of a query's answer; rejects with the server's words. */
  query(sql: string): Promise<string>;
  /** One request as it is. */
  request(
    parameters: Record<string, string>,
    body?: NonNullable<RequestInit['body']>,
    headers?: Record<string, string>,
  ): Promise<Response>;
  /** Makes the tables in the database `penstock`, by the real command. */
  migrate(): Promise<void>;
  /** SIGKILL to all of its processes at once. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>;
  /** SIGTERM and wait; removes the data. Gives the exit code. */
  stop(): Promise<number | null>;
}

export interface WritableStoreSettings {
  readonly user?: string;
  readonly password?: string;
}

/** Resolves when it takes requests. */
export async function startWritableStore(settings: WritableStoreSettings = {}): Promise<WritableStore> {
  const dataDir = mkdtempSync(join(tmpdir(), 'penstock-writable-'));
  const { user = 'default', password = '' } = settings;
  let { child, url } = await spawnStore(dataDir, '0', user, password);
  const port = Number(new URL(url).port);
  const ended = () =>
    new Promise<number | null>((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
      else child.once('exit', (code) => resolve(code));
    });
  const authorization = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
  const request: WritableStore['request'] = (parameters, body, headers = {}) =>
    fetch(`${url}/?${new URLSearchParams(parameters)}`, {
      method: 'POST',
      headers: { ...authorization, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  return {
    url,
    port,
    dataDir,
    request,
    async query(sql) {
      const answer = await request({}, sql);
      const text = await answer.text();
      if (!answer.ok) throw new Error(text);
      return text.trim();
    },
    async migrate() {
      const env = { ...process.env, CLICKHOUSE_URL: `${url}/penstock` };
      await promisify(execFile)(process.execPath, [MAIN, 'migrate'], { env });
    },
    async kill() {
      const gone = ended();
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await gone;
    },
    async restart() {
      ({ child, url } = await spawnStore(dataDir, String(port), user, password));
    },
    async stop() {
      const gone = ended();
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      const code = await gone;
      rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

/** Its members die with the group; the engine's lock goes with them, if not in the same moment. */
async function spawnStore(
  dataDir: string,
  port: string,
  user: string,
  password: string,
): Promise<{ child: ChildProcess; url: string }> {
  let said = '';
  for (let attempt = 0; attempt < 20; attempt++) {
    const args = ['store', '--writable', '--data-dir', dataDir, '--port', port, '--user', user];
    const child = spawn(process.execPath, [MAIN, ...args], {
      detached: true,
      env: { ...process.env, PENSTOCK_STORE_PASSWORD: password },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const url = await new Promise<string | undefined>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (text) => {
        said = text;
        const line = JSON.parse(text) as { msg: string; url?: string };
        if (line.msg === 'writable store is up') resolve(line.url);
      });
      child.stderr.on('data', (text: Buffer) => {
        said = text.toString();
      });
      child.once('exit', () => resolve(undefined));
    });
    if (url !== undefined) return { child, url };
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the writable store does not start: ${said}`);
}

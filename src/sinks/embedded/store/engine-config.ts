/**
 * The engine's configuration files, written anew at every start. Without `--config-file` the engine would read
 * a `config.xml` from whatever folder the process was started in.
 *
 * The one user that the engine has gets no grant on any source but FILE: url(), s3(), remote(), mysql() and the
 * like are refused for everyone, whatever the statement. FILE is what the inserts read block files with;
 * query-guard.ts says why queries cannot use it.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { QUERY_MEMORY_SHARE, STORE_MEMORY_SHARE } from '../../../limits.ts';

const GRANTS = [
  'GRANT SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, KILL QUERY ON *.*',
  'GRANT TABLE ENGINE ON *',
  'GRANT FILE ON *.*',
];

/** Bytes that the engine may hold, all queries, inserts and merges together. */
export function engineMemoryBytes(): number {
  const constrained = process.constrainedMemory();
  // Without a limit the kernel reports a number near 2^64.
  const memory = constrained > 0 && constrained < totalmem() ? constrained : totalmem();
  return Math.floor(memory * STORE_MEMORY_SHARE);
}

/** Bytes that one query may hold. */
export function queryMemoryBytes(): number {
  return Math.floor(engineMemoryBytes() * QUERY_MEMORY_SHARE);
}

/** Threads that one statement may use: all cores for one query, since the whole process yields by its niceness. */
export function statementThreads(): number {
  return Math.max(1, Math.min(8, availableParallelism()));
}

/** Writes both files into `storeDir` and gives the path of the first. */
export function writeEngineConfig(storeDir: string): string {
  const usersPath = join(storeDir, 'engine-users.xml');
  const configPath = join(storeDir, 'engine.xml');
  writeFileSync(
    usersPath,
    `<clickhouse>
  <profiles><default/></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password></password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>${GRANTS.map((grant) => `<query>${grant}</query>`).join('')}</grants>
  </default></users>
</clickhouse>
`,
    { mode: 0o600 },
  );
  writeFileSync(
    configPath,
    `<clickhouse>
  <users_config>${escapeXml(usersPath)}</users_config>
  <logger><level>none</level></logger>
  <timezone>UTC</timezone>
  <max_server_memory_usage>${engineMemoryBytes()}</max_server_memory_usage>
  <background_pool_size>${Math.max(1, Math.floor(availableParallelism() / 2))}</background_pool_size>
</clickhouse>
`,
    { mode: 0o600 },
  );
  return configPath;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

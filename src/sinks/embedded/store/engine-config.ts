/**
 * The engine's configuration files, written anew at every start. Without `--config-file` the engine would read
 * a `config.xml` from whatever folder the process was started in.
 *
 * The one user that the engine has gets no grant on any source but FILE: url(), s3(), remote(), mysql() and the
 * like are refused for everyone, whatever the statement. FILE is what the inserts read block files with;
 * query-guard.ts says why queries cannot use it, nor SYSTEM MERGES, which merge-governor.ts uses.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { QUERY_MEMORY_SHARE, STORE_FREE_DISK_BYTES, STORE_MEMORY_SHARE } from '../../../limits.ts';

const GRANTS = [
  'GRANT SHOW, SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP, TRUNCATE, OPTIMIZE, KILL QUERY ON *.*',
  'GRANT TABLE ENGINE ON *',
  'GRANT FILE ON *.*',
  'GRANT SYSTEM MERGES ON *.*',
];

/** Bytes that the engine may hold, all queries, inserts and merges together. */
function engineMemoryBytes(): number {
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

/**
 * Threads that merge parts. The engine is made for pools of 16 and keeps the last 8 places for small merges and 20
 * from mutations; with those numbers a pool of 2 would never merge a large part nor change a TTL, so the
 * configuration lowers them as well.
 */
function mergeThreads(): number {
  return Math.max(2, Math.floor(availableParallelism() / 2));
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
  <storage_configuration><disks><default><keep_free_space_bytes>${STORE_FREE_DISK_BYTES}</keep_free_space_bytes></default></disks></storage_configuration>
  <max_server_memory_usage>${engineMemoryBytes()}</max_server_memory_usage>
  <background_pool_size>${mergeThreads()}</background_pool_size>
  <background_merges_mutations_concurrency_ratio>2</background_merges_mutations_concurrency_ratio>
  <merge_tree>
    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1</number_of_free_entries_in_pool_to_lower_max_size_of_merge>
    <number_of_free_entries_in_pool_to_execute_mutation>1</number_of_free_entries_in_pool_to_execute_mutation>
    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>
  </merge_tree>
</clickhouse>
`,
    { mode: 0o600 },
  );
  return configPath;
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

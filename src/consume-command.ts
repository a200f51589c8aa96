/** `penstock consume`: from Kafka into ClickHouse. */
import type { Command } from 'commander';
import type { Config } from './config/config.ts';

const HELP = `
Brings events that Penstock wrote to Kafka into the tables of a ClickHouse server, each once: a consumer that is killed, a
rebalance, a lost answer or a server that is away duplicates nothing and loses nothing. Make the tables with
"penstock migrate" first.

  $ KAFKA_BROKERS=kafka-1:9092 CLICKHOUSE_URL=http://clickhouse:8123 penstock migrate
  $ KAFKA_BROKERS=kafka-1:9092 CLICKHOUSE_URL=http://clickhouse:8123 penstock consume

Start it as often as you like: processes with the same consume.group_id share the partitions; one takes one core. While
ClickHouse is away it fetches nothing, keeps its partitions, and goes on by itself.

Records that are no events as Penstock writes them go to the dead-letter topic, <topic>.dlq, and the line goes on; the topic
must be there, or kafka.create_topics be true. See "penstock dlq --help".

While it runs:
  GET :8081/health    200 while the process lives
  GET :8081/ready     200 when it is in its group and ClickHouse has been ready for blocks
  GET :8081/metrics   lag by partition, rows, retries, breaker, rebalances, dead letters

SIGTERM finishes the block in hand, commits, leaves the group and exits 0; a second signal exits at once, which costs nothing
but work done twice. Every setting is a key below "consume" in config/penstock.yaml; docs/consume.md says how it works.

Environment: KAFKA_BROKERS, KAFKA_TOPIC, PENSTOCK_CONSUME_TOPICS, PENSTOCK_CONSUME_GROUP, PENSTOCK_CONSUME_PORT,
CLICKHOUSE_URL and its kind, as for "penstock serve".
`;

/** Loads the configuration, or reports its faults and gives undefined. */
type Load = (options: { config?: string }) => Promise<{ config: Config } | undefined>;

/** Adds the command to `program`. */
export function addConsumeCommand(program: Command, fileOption: readonly [string, string], load: Load): void {
  program
    .command('consume')
    .description('bring events from Kafka into ClickHouse until SIGTERM')
    .option(...fileOption)
    .addHelpText('after', HELP)
    .action(async (options: { config?: string }) => {
      const loaded = await load(options);
      if (loaded === undefined) return;
      const [{ createLogger }, { runConsumer }] = await Promise.all([
        import('./log.ts'),
        import('./consumer-process.ts'),
      ]);
      try {
        await runConsumer(loaded.config, createLogger(loaded.config.log.level));
      } catch (error) {
        process.stderr.write(`penstock consume: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      }
    });
}

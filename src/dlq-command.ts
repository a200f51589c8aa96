/** `penstock dlq ls|replay`: what `penstock consume` put aside. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from './config/config.ts';
import type { DlqListing, DlqOptions, Replayed } from './consume/dlq.ts';
import { LETTER_REASONS, type LetterReason } from './consume/letter.ts';
import { DLQ_REPLAY_STEP_RECORDS, DLQ_SAMPLE_BYTES_MAX, DLQ_SAMPLES, DLQ_SAMPLES_MAX } from './limits.ts';

const HELP = `
"penstock consume" puts records that are no events into the dead-letter topic of their topic (consume.dead_letter_topic), with
the reason and where they stood in the headers dlq.reason, dlq.topic, dlq.partition, dlq.offset, dlq.timestamp.

Reasons:
${Object.entries(LETTER_REASONS)
  .map(([reason, words]) => `  ${reason.padEnd(22)}${words}`)
  .join('\n')}

Look, without showing what is in them; then at some with their content:
  $ penstock dlq ls
  $ penstock dlq ls --topic events --samples 10 --show-values

Bring them back to their topic, once what refused them is mended:
  $ penstock dlq replay --dry-run
  $ penstock dlq replay --reason refused_by_clickhouse
  $ penstock dlq replay --limit 100

A replay ends where the dead-letter topic ended when it began. How far it came is kept by Kafka, so the next one goes on behind
it, whatever reasons it passed over; --from-start begins anew, and what was brought back already comes a second time. A record
that is refused again comes into the dead-letter topic again, with dlq.replays in its headers. Batches that cannot be read,
and values that were cut, are not brought back.
`;

interface Options {
  readonly config?: string;
  readonly topic?: string;
}

interface LsOptions extends Options {
  readonly samples: number;
  readonly showValues?: boolean;
  readonly json?: boolean;
}

interface ReplayFlags extends Options {
  readonly reason?: LetterReason;
  readonly limit?: number;
  readonly fromStart?: boolean;
  readonly dryRun?: boolean;
}

/** Loads the configuration, or reports its faults and gives undefined. */
type Load = (options: { config?: string }) => Promise<{ config: Config } | undefined>;

/** Adds the commands to `program`. */
export function addDlqCommands(program: Command, fileOption: readonly [string, string], load: Load): void {
  const dlq = program
    .command('dlq')
    .description('look at what `penstock consume` put aside, and bring it back')
    .addHelpText('after', HELP);
  dlq
    .command('ls')
    .description('count by reason, with samples')
    .option(...fileOption)
    .option('--topic <name>', 'topic that the records came from (all that are consumed)')
    .option('--samples <count>', 'samples of each reason', countUpTo(DLQ_SAMPLES_MAX), DLQ_SAMPLES)
    .option('--show-values', 'with their content')
    .option('--json', 'as JSON')
    .action((options: LsOptions) => run(load, options, (config) => ls(config, options)));
  dlq
    .command('replay')
    .description('bring records back to the topic that they came from')
    .option(...fileOption)
    .option('--topic <name>', 'topic that the records came from (all that are consumed)')
    .addOption(new Option('--reason <reason>', 'only these').choices(Object.keys(LETTER_REASONS)))
    .option('--limit <count>', 'at most so many', countUpTo(Number.MAX_SAFE_INTEGER))
    .option('--from-start', 'also what an earlier replay has passed')
    .option('--dry-run', 'only count')
    .action((options: ReplayFlags) => run(load, options, (config) => replay(config, options)));
}

function countUpTo(max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) <= max) return Number(text);
    throw new InvalidArgumentError(`a whole number from 0 to ${max}`);
  };
}

async function run(load: Load, options: Options, work: (config: Config) => Promise<void>): Promise<void> {
  const loaded = await load(options);
  if (loaded === undefined) return;
  try {
    if (loaded.config.kafka.brokers.length === 0)
      throw new Error('say where Kafka is: KAFKA_BROKERS or kafka.brokers');
    await work(loaded.config);
  } catch (error) {
    process.stderr.write(`penstock dlq: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

/** Calls `work` for the dead-letter topic of each topic, one after the other. */
async function eachDlq(
  config: Config,
  named: string | undefined,
  work: (dlq: DlqOptions) => Promise<void>,
): Promise<void> {
  const [{ KafkaCluster }, { linkOptionsOf }, { openCodecs }, { consumedTopics, deadLetterTopicOf }] =
    await Promise.all([
      import('./sinks/kafka/cluster.ts'),
      import('./sinks/kafka/link-options.ts'),
      import('./consume/assembler.ts'),
      import('./consumer-process.ts'),
    ]);
  const { brokers } = config.kafka;
  const linkOptions = () => linkOptionsOf(config.kafka);
  const cluster = new KafkaCluster({ brokers, createTopics: false, linkOptions });
  const codecs = await openCodecs(() => {});
  const topics = named === undefined ? consumedTopics(config) : [named];
  const groupId = `${config.consume.groupId}.dlq-replay`;
  try {
    for (const topic of new Set(topics.map((name) => deadLetterTopicOf(config, name)))) {
      await work({ cluster, codecs, topic, groupId });
    }
  } finally {
    cluster.close();
  }
}

async function ls(config: Config, options: LsOptions): Promise<void> {
  const { listDlq } = await import('./consume/dlq.ts');
  await eachDlq(config, options.topic, async (dlq) => {
    const listing = await listDlq(dlq, options.samples);
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ topic: dlq.topic, ...jsonOf(listing, options) })}\n`
        : textOf(dlq.topic, listing, options),
    );
  });
}

function jsonOf({ counts, foreign }: DlqListing, { showValues }: LsOptions): object {
  return {
    foreign,
    reasons: counts.map(({ samples, oldestMs, newestMs, ...count }) => ({
      ...count,
      oldest: new Date(oldestMs).toISOString(),
      newest: new Date(newestMs).toISOString(),
      samples: samples.map(({ value, reason: _, timestampMs, ...sample }) => ({
        ...sample,
        timestamp: new Date(timestampMs).toISOString(),
        ...(showValues === true ? { value: shown(value) } : {}),
      })),
    })),
  };
}

function textOf(topic: string, { counts, foreign }: DlqListing, { showValues }: LsOptions): string {
  const lines = [`${topic}: ${counts.length === 0 ? 'nothing' : ''}`.trimEnd()];
  for (const { reason, count, waiting, oldestMs, newestMs, samples } of counts) {
    const span = `${new Date(oldestMs).toISOString()} to ${new Date(newestMs).toISOString()}`;
    lines.push(`  ${reason}: ${count}, ${waiting} of them not replayed, ${span}`);
    for (const { topic: from, partition, offset, valueBytes, replays, value } of samples) {
      const again = replays === 0 ? '' : `, replayed ${replays} times`;
      lines.push(`    ${from}/${partition} offset ${offset}, ${valueBytes} bytes${again}`);
      if (showValues === true) lines.push(`      ${shown(value) ?? '(no value)'}`);
    }
  }
  if (foreign > 0) lines.push(`  ${foreign} records that no consumer of Penstock wrote`);
  return `${lines.join('\n')}\n`;
}

/** A value as one line of text, cut. */
function shown(value: Buffer | undefined): string | undefined {
  const text = value?.subarray(0, DLQ_SAMPLE_BYTES_MAX).toString('utf8');
  // Control characters of a stranger's record would move the terminal's cursor.
  return text?.replace(/[\p{Cc}]/gu, (letter) => `\\x${letter.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

async function replay(config: Config, flags: ReplayFlags): Promise<void> {
  const [{ replayDlq }, { openCodec }] = await Promise.all([
    import('./consume/dlq.ts'),
    import('./sinks/kafka/codecs.ts'),
  ]);
  const codec = await openCodec(config.kafka.compression);
  let left = flags.limit ?? Number.POSITIVE_INFINITY;
  await eachDlq(config, flags.topic, async (dlq) => {
    const done: Replayed = await replayDlq({
      ...dlq,
      codec,
      timeoutMs: config.kafka.requestTimeoutMs,
      reason: flags.reason,
      fromStart: flags.fromStart ?? false,
      limit: left,
      isDryRun: flags.dryRun ?? false,
      stepRecords: DLQ_REPLAY_STEP_RECORDS,
      onStep: ({ replayed }) => process.stderr.write(`${dlq.topic}: ${replayed} records\n`),
    });
    left -= done.replayed;
    process.stdout.write(
      `${flags.dryRun === true ? 'Would replay' : 'Replayed'} ${done.replayed} records of ${dlq.topic}; ` +
        `${done.passed} are of other reasons, ${done.unfit} cannot be brought back.\n`,
    );
  });
}

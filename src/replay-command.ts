/** `penstock journal replay`: kept events of a time range once more to one sink. Penstock must be stopped. */
import { join } from 'node:path';
import { retryDelayMs } from './backoff.ts';
import { systemClock } from './clock.ts';
import type { Config } from './config/config.ts';
import { Breaker } from './journal/breaker.ts';
import { Ending } from './journal/ending.ts';
import { journalDir, readNode } from './journal/folder.ts';
import type { FrozenStream } from './journal/frozen.ts';
import { lockDirectory } from './journal/lock.ts';
import { type Replayed, replayStream, segmentsIn, type TimeRange, undelivered } from './journal/replay.ts';
import { CommandError, findingJournal, openStreams } from './journal-commands.ts';
import { REPLAY_PROGRESS_MS } from './limits.ts';
import { createLogger } from './log.ts';
import type { SinkName } from './metrics/names.ts';
import { REPLAY_SINKS, type ReplaySink } from './replay-sinks.ts';
import { formatTime, parseTime } from './text.ts';

export interface ReplayCommand {
  readonly from: string;
  readonly to: string;
  readonly sink: string;
  readonly stream: string;
  readonly worker: number | undefined;
  readonly isDryRun: boolean;
}

/** Replays, with progress on stderr; gives the text for stdout. Rejects with what to do when it cannot. */
export async function replayJournal(command: ReplayCommand, config: Config): Promise<string> {
  const range = rangeOf(command);
  const openSink = REPLAY_SINKS[command.sink as SinkName];
  if (openSink === undefined) {
    const known = Object.keys(REPLAY_SINKS).join(', ');
    throw new CommandError(`--sink ${command.sink}: this version replays to ${known}`);
  }
  const { dataDir } = config;
  const dir = journalDir(dataDir);
  const lock = command.isDryRun ? undefined : await findingJournal(dir, () => lockDirectory(dir));
  if (lock === undefined && !command.isDryRun)
    throw new CommandError(`Penstock runs on ${dataDir}; stop it (SIGTERM), replay, and start it again`);
  const damages = new Set<string>();
  // A store that is started again holds nothing that keeps this process.
  const staying = setInterval(() => {}, REPLAY_PROGRESS_MS);
  let sink: ReplaySink | undefined;
  try {
    const { streams } = await openStreams({ dataDir, worker: command.worker }, (stream, damage) =>
      damages.add(`${join(stream.dir, damage.segment)}, ${damage.bytes} bytes from byte ${damage.offset}`),
    );
    const wanted = streams.filter(
      (stream) => stream.name === command.stream && segmentsIn(stream, range).length > 0,
    );
    for (const stream of wanted) await checkDelivered(stream, command.sink, range);
    if (!command.isDryRun && wanted.length > 0)
      sink = await openSink(config, createLogger('warn', 'replay', process.stderr));
    const total = await replayAll(wanted, range, config, sink);
    return summaryOf(total, command, config, damages);
  } finally {
    await sink?.close();
    lock?.release();
    clearInterval(staying);
  }
}

function rangeOf({ from, to }: ReplayCommand): TimeRange {
  const [fromMs, toMs] = [
    ['--from', from],
    ['--to', to],
  ].map(([option, text = '']) => {
    const timeMs = parseTime(text);
    if (timeMs !== undefined) return timeMs;
    throw new CommandError(
      `${option} ${text}: expected a time such as 2026-11-21T09:00:00Z (with Z or an offset), a day, or milliseconds since 1970`,
    );
  });
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs)
    throw new CommandError(`--from ${from} must be before --to ${to}`);
  return { fromMs, toMs };
}

async function checkDelivered(stream: FrozenStream, sink: string, range: TimeRange): Promise<void> {
  const waiting = await undelivered(stream, sink, range);
  if (waiting === undefined) return;
  const before = formatTime(waiting.fromMs);
  throw new CommandError(
    `${waiting.rows} rows of worker ${stream.worker} in this range were not brought to ${sink} yet: ` +
      `start Penstock and let it deliver them, or end the range with --to ${before}`,
  );
}

async function replayAll(
  streams: readonly FrozenStream[],
  range: TimeRange,
  config: Config,
  sink: ReplaySink | undefined,
): Promise<Replayed> {
  const node = readNode(journalDir(config.dataDir)) ?? '';
  const total = { blocks: 0, rows: 0, refused: 0 };
  let saidAtMs = systemClock.monotonicMs();
  for (const stream of streams) {
    const target = sink?.target(stream.name);
    const breaker = new Breaker({ pauseMs: (failures) => retryDelayMs(failures), onChange: () => {} });
    const { sendTimeoutMs } = config.delivery;
    const done = await replayStream({
      ...range,
      stream,
      node,
      way: target && { target, breaker, ending: new Ending(), sendTimeoutMs },
      onBlock: (sofar) => {
        if (systemClock.monotonicMs() - saidAtMs < REPLAY_PROGRESS_MS) return;
        saidAtMs = systemClock.monotonicMs();
        process.stderr.write(
          `worker ${stream.worker} ${stream.name}: ${sofar.rows} rows in ${sofar.blocks} blocks\n`,
        );
      },
    });
    total.blocks += done.blocks;
    total.rows += done.rows;
    total.refused += done.refused;
  }
  return total;
}

function summaryOf(
  { blocks, rows, refused }: Replayed,
  { sink, stream, isDryRun }: ReplayCommand,
  { journal }: Config,
  damages: ReadonlySet<string>,
): string {
  const lines = [
    `${isDryRun ? 'Would replay' : 'Replayed'} ${rows} rows of ${stream} in ${blocks} blocks to ${sink}.`,
  ];
  if (rows === 0) {
    lines.push(
      journal.retentionMs === 0
        ? 'Nothing of that time is kept: journal.retention_ms is 0, so delivered events go at once.'
        : 'Nothing of that time is kept; `penstock journal ls` shows what is.',
    );
  }
  if (refused > 0)
    lines.push(`${refused} of them were refused for their content, as they were the first time.`);
  for (const place of damages) lines.push(`Damaged and left out: ${place}`);
  return `${lines.join('\n')}\n`;
}

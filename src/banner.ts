/** What a start says about itself: a table for people at a terminal, one log line for everything else. */
import type { Logger } from './log.ts';

export interface StartFacts {
  readonly version: string;
  readonly node: string;
  /** Addresses that take events, as URLs. */
  readonly listen: readonly string[];
  readonly sinks: readonly string[];
  readonly scanner: string;
  readonly workers: number;
  /** Number of apps with keys. */
  readonly apps: number | 'open mode';
  readonly dataDir: string;
  /** URL of the query door. */
  readonly query: string | undefined;
  readonly memoryBytesMax: number;
}

/** Where the table goes; `process.stdout`, but for tests. */
export interface BannerStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const OPEN_MODE =
  'open mode: no write keys are configured, anyone may send events (set apps or PENSTOCK_KEYS)';

/**
 * Prints the facts once: as a table when `stream` is a terminal, else through `log` at level info. Open mode is a
 * warning of its own in both, so that a log level of warn does not silence it.
 */
export function printBanner(facts: StartFacts, stream: BannerStream, log: Logger): void {
  // The logger says the version in every line.
  const { version: _, ...logged } = facts;
  if (stream.isTTY) stream.write(formatBanner(facts));
  else log.info(logged, 'started');
  if (facts.apps === 'open mode') log.warn(OPEN_MODE);
}

function formatBanner(facts: StartFacts): string {
  const rows: [string, string][] = [
    ['events', facts.listen.join(', ')],
    ['query', facts.query ?? 'off'],
    ['sinks', facts.sinks.join(', ')],
    ['scanner', `${facts.scanner}, ${facts.workers} ${facts.workers === 1 ? 'worker' : 'workers'}`],
    ['apps', facts.apps === 'open mode' ? 'OPEN MODE: anyone may send events' : String(facts.apps)],
    ['data', facts.dataDir],
    ['memory', `at most ${Math.round(facts.memoryBytesMax / (1024 * 1024))} MiB of buffers`],
  ];
  const lines = rows.map(([name, value]) => `  ${name.padEnd(9)}${value}`);
  return `\npenstock ${facts.version} on Node ${facts.node}\n${lines.join('\n')}\n\n`;
}

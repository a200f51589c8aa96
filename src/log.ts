/**
 * JSON lines on stdout, one a log entry: `level` as a word, `time` in ISO 8601, `service`, `version`, and `thread`.
 * No event content and no write key may be logged. Callers pass ids, counts and codes; as a second line of defence
 * the names under which a key could slip in are hidden.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from './config/config.ts';
import { VERSION } from './version.ts';

export type { Logger } from 'pino';

/** Names of fields, at the top of an entry or one level down, whose values are never written. */
const HIDDEN = ['key', 'keys', 'writeKey', 'authorization', 'headers', 'body'];

/**
 * A logger for the main thread or, with its own `thread`, for a worker thread: each thread makes its own and they
 * share file descriptor 1. Writes are synchronous, so that the last words before an exit arrive and lines of two
 * threads do not mix; that is affordable because nothing is logged per event. `target` is for tests.
 */
export function createLogger(
  level: Config['log']['level'],
  thread = 'main',
  target: DestinationStream = destination({ dest: 1, sync: true }),
): Logger {
  return pino(
    {
      level,
      base: { service: 'penstock', version: VERSION, thread },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: [...HIDDEN, ...HIDDEN.map((name) => `*.${name}`)], censor: '<hidden>' },
    },
    target,
  );
}

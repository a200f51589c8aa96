/**
 * A ClickHouse server as one thread sees it: its facts, once it was reached, and whether it takes blocks.
 *
 *   starting ─▶ ok ◀─▶ busy, unreachable, denied, unprepared
 *
 * State follows from what is sent; a server that nothing is sent to, or that does not work, is asked every few seconds. A
 * change of state is one line of the log, and a state that lasts is told again once a minute.
 */
import type { Clock } from '../../clock.ts';
import { CLICKHOUSE_CHECK_INTERVAL_MS, SINK_FAILURE_LOG_INTERVAL_MS } from '../../limits.ts';
import type { SinkLogger } from '../sink.ts';
import type { Connection } from './connection.ts';
import { readServerFacts, type ServerFacts, UnpreparedError } from './facts.ts';
import { FAILURES, type Failure, type FailureKind, readFailure } from './failures.ts';

/** In the order of the gauge's numbers, the worst last; `off` where there is no such sink. */
export const SERVER_STATES = [
  'off',
  'ok',
  'starting',
  'busy',
  'unreachable',
  'denied',
  'unprepared',
] as const;
export type ServerState = (typeof SERVER_STATES)[number];

export interface Server {
  readonly connection: Connection;
  /** Undefined until the server was reached. */
  facts(): ServerFacts | undefined;
  /** Asks the server now, and gives what is known then. Never rejects. */
  look(): Promise<ServerFacts | undefined>;
  state(): ServerState;
  /** Whether it took a block, or could have, since this was made. */
  wasOk(): boolean;
  /** The server did what it was asked for. */
  succeeded(): void;
  /** Tells of a failed request and gives what it means. */
  failed(error: unknown): Failure;
  /** Ends the checks and lets go of the connections. */
  close(): void;
}

/** Asks for the facts at once, and goes on until they are there. */
export function createServer(
  connection: Connection,
  database: string,
  logger: SinkLogger,
  clock: Clock,
): Server {
  let facts: ServerFacts | undefined;
  let state: ServerState = 'starting';
  let wasOk = false;
  let toldState: ServerState | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let usedAtMs = Number.NEGATIVE_INFINITY;
  let looking: Promise<ServerFacts | undefined> | undefined;

  function check(): void {
    if (state !== 'ok' || clock.monotonicMs() - usedAtMs >= CLICKHOUSE_CHECK_INTERVAL_MS) void look();
  }

  function look(): Promise<ServerFacts | undefined> {
    looking ??= ask().finally(() => {
      looking = undefined;
    });
    return looking;
  }

  async function ask(): Promise<ServerFacts | undefined> {
    try {
      // As the user that inserts: /ping would be answered whoever asks.
      if (state === 'ok') await connection.select('SELECT 1');
      else {
        // What failed may have changed.
        facts = await readServerFacts(connection, database);
        if (facts.forgetsTokens && toldState === undefined) warnOfTokens(facts);
      }
      // What was busy with a block tells about itself when the next one passes.
      if (state !== 'busy') succeeded();
    } catch (error) {
      failed(error);
    }
    return facts;
  }

  function warnOfTokens({ version }: ServerFacts): void {
    logger.warn(
      { clickhouse: version },
      'the table events has no non_replicated_deduplication_window: a block that is sent again counts twice (penstock migrate makes tables that have one)',
    );
  }

  function succeeded(): void {
    usedAtMs = clock.monotonicMs();
    wasOk = true;
    if (state === 'ok') return;
    state = 'ok';
    toldState = 'ok';
    logger.info({ clickhouse: facts?.version, json: facts?.jsonForm ?? 'lines' }, 'ClickHouse takes blocks');
  }

  function failed(error: unknown): Failure {
    const failure =
      error instanceof UnpreparedError
        ? { kind: 'unprepared' as const, code: 0, message: error.message }
        : readFailure(error);
    usedAtMs = clock.monotonicMs();
    // The server is fine, the rows are not.
    if (failure.kind !== 'content') state = failure.kind;
    tell(failure);
    return failure;
  }

  function tell({ kind, code, message }: Failure): void {
    const nowMs = clock.monotonicMs();
    if (toldState === kindState(kind) && nowMs - toldAtMs < SINK_FAILURE_LOG_INTERVAL_MS) return;
    toldState = kindState(kind);
    toldAtMs = nowMs;
    const { level, advice } = FAILURES[kind];
    logger[level]({ code, reason: message, state: kind }, `ClickHouse: ${advice}`);
  }

  const timer = setInterval(check, CLICKHOUSE_CHECK_INTERVAL_MS).unref();
  check();
  return {
    connection,
    facts: () => facts,
    look,
    state: () => state,
    wasOk: () => wasOk,
    succeeded,
    failed,
    close() {
      clearInterval(timer);
      void connection.close();
    },
  };
}

function kindState(kind: FailureKind): ServerState {
  return kind === 'content' ? 'ok' : kind;
}

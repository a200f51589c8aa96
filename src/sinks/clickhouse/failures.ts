/**
 * What a failed request to a ClickHouse server means, by its error's code. One row per kind decides what the journal does
 * with the block, what operators are told, and how loudly.
 *
 * | kind        | what happened                                         | the block              |
 * | content     | the server cannot read these rows                     | taken apart, row by row |
 * | busy        | too many parts, no memory, read-only, Keeper is away  | sent again             |
 * | unreachable | no answer, or one that is not ClickHouse's            | sent again             |
 * | denied      | user, password or rights                              | sent again             |
 * | unprepared  | no such table or column, or a server that is too old  | sent again             |
 *
 * A block that is sent again keeps its token, so that an answer that was lost counts for nothing. Codes that stand nowhere
 * are `busy`: accepted events wait for what nobody knows.
 */
import { CLICKHOUSE_MESSAGE_CHARACTERS_MAX } from '../../limits.ts';
import { CONTENT_CODES } from '../content-codes.ts';
import type { SendOutcome } from '../sink.ts';

export type FailureKind = 'content' | 'busy' | 'unreachable' | 'denied' | 'unprepared';

export interface FailureRow {
  readonly outcome: Extract<SendOutcome, 'refused' | 'retry'>;
  /** What people can do about it. */
  readonly advice: string;
  /** How loud the log line is. */
  readonly level: 'warn' | 'error';
}

/** One row a kind. */
export const FAILURES = {
  content: {
    outcome: 'refused',
    advice:
      'rows that the server cannot read go to events_rejected; the others of the block are sent without them',
    level: 'warn',
  },
  busy: { outcome: 'retry', advice: 'the block is sent again until the server takes it', level: 'warn' },
  unreachable: {
    outcome: 'retry',
    advice: 'the block is sent again; look at clickhouse.url, the network and the server',
    level: 'warn',
  },
  denied: {
    outcome: 'retry',
    advice: 'the block is sent again; look at CLICKHOUSE_USERNAME, CLICKHOUSE_PASSWORD and the user’s rights',
    level: 'error',
  },
  unprepared: { outcome: 'retry', advice: 'run `penstock migrate`, then the block passes', level: 'error' },
} as const satisfies Record<FailureKind, FailureRow>;

const CODES_BY_KIND: readonly (readonly [FailureKind, readonly number[]])[] = [
  // NO_SUCH_COLUMN_IN_TABLE, UNKNOWN_IDENTIFIER, UNKNOWN_TABLE, UNKNOWN_FORMAT, UNKNOWN_DATABASE, UNKNOWN_SETTING.
  ['unprepared', [16, 47, 60, 73, 81, 115]],
  // UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, IP_ADDRESS_NOT_ALLOWED, ACCESS_DENIED, AUTHENTICATION_FAILED,
  // READONLY, SETTING_CONSTRAINT_VIOLATION.
  ['denied', [192, 193, 194, 195, 497, 516, 164, 452]],
];
const KIND_BY_CODE: ReadonlyMap<number, FailureKind> = new Map(
  CODES_BY_KIND.flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const)),
);

export interface Failure {
  readonly kind: FailureKind;
  /** ClickHouse's number, 0 where there is none. */
  readonly code: number;
  /** For the log. Quotes no row: where the rows are at fault it is only the error's name. */
  readonly message: string;
}

/** What `error`, as the client rejects with it, means. */
export function readFailure(error: unknown): Failure {
  const { code, type, message } = error as { code?: unknown; type?: unknown; message?: unknown };
  const text = String(message ?? error);
  // The client's own error has the number as a text and the name beside it; it does not know the words of servers before
  // 20.x. Errors of the network have words.
  const number = typeof type === 'string' ? String(code) : /^Code: ([0-9]+)\b/.exec(text)?.[1];
  const engineCode = Number(number ?? 0) || 0;
  const name = typeof type === 'string' ? type : `error ${engineCode}`;
  if (engineCode === 0) {
    const word = typeof code === 'string' ? `${code}: ` : '';
    return { kind: 'unreachable', code: 0, message: cut(`${word}${text}`) };
  }
  if (CONTENT_CODES.has(engineCode) && !text.includes('DB::ErrnoException')) {
    return { kind: 'content', code: engineCode, message: name };
  }
  const kind = KIND_BY_CODE.get(engineCode) ?? 'busy';
  return { kind, code: engineCode, message: cut(`${name}: ${text}`) };
}

function cut(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > CLICKHOUSE_MESSAGE_CHARACTERS_MAX
    ? `${line.slice(0, CLICKHOUSE_MESSAGE_CHARACTERS_MAX)}…`
    : line;
}

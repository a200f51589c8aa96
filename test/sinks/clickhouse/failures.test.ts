/** What errors of a server mean, as the client words them. */
import { ClickHouseError } from '@clickhouse/client';
import { expect, test } from 'vitest';
import { FAILURES, readFailure } from '../../../src/sinks/clickhouse/failures.ts';

const engineError = (code: number, type: string, message = 'row 7: "secret"') =>
  new ClickHouseError({ code: String(code), type, message });

test.each([
  [252, 'TOO_MANY_PARTS', 'busy', 'retry'],
  [241, 'MEMORY_LIMIT_EXCEEDED', 'busy', 'retry'],
  [242, 'TABLE_IS_READ_ONLY', 'busy', 'retry'],
  [159, 'TIMEOUT_EXCEEDED', 'busy', 'retry'],
  [209, 'SOCKET_TIMEOUT', 'busy', 'retry'],
  [210, 'NETWORK_ERROR', 'busy', 'retry'],
  [999, 'KEEPER_EXCEPTION', 'busy', 'retry'],
  [225, 'NO_ZOOKEEPER', 'busy', 'retry'],
  [319, 'UNKNOWN_STATUS_OF_INSERT', 'busy', 'retry'],
  [202, 'TOO_MANY_SIMULTANEOUS_QUERIES', 'busy', 'retry'],
  [123_456, 'OF_TOMORROW', 'busy', 'retry'],
  [516, 'AUTHENTICATION_FAILED', 'denied', 'retry'],
  [497, 'ACCESS_DENIED', 'denied', 'retry'],
  [60, 'UNKNOWN_TABLE', 'unprepared', 'retry'],
  [81, 'UNKNOWN_DATABASE', 'unprepared', 'retry'],
  [16, 'NO_SUCH_COLUMN_IN_TABLE', 'unprepared', 'retry'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED', 'content', 'refused'],
  [53, 'TYPE_MISMATCH', 'content', 'refused'],
  [117, 'INCORRECT_DATA', 'content', 'refused'],
])('%i %s is %s, the block is to be: %s', (code, type, kind, outcome) => {
  const failure = readFailure(engineError(code, type));
  expect([failure.kind, failure.code, FAILURES[failure.kind].outcome]).toEqual([kind, code, outcome]);
});

test('an error of the server’s disk is no fault of the rows, whatever its number', () => {
  expect(readFailure(engineError(70, 'CANNOT_CONVERT_TYPE', 'DB::ErrnoException: no space left')).kind).toBe(
    'busy',
  );
});

test('old servers word their errors in another way', () => {
  const text =
    "Code: 60, e.displayText() = DB::Exception: Table default.events doesn't exist., e.what() = DB::Exception";
  expect(readFailure(new Error(text))).toMatchObject({ kind: 'unprepared', code: 60 });
});

test('no answer, or one that is not ClickHouse’s, is the way there', () => {
  expect(readFailure(Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }))).toEqual({
    kind: 'unreachable',
    code: 0,
    message: 'ECONNREFUSED: connect',
  });
  expect(readFailure(new Error('Timeout error.')).kind).toBe('unreachable');
  expect(readFailure(new Error('<html>502 Bad Gateway</html>')).kind).toBe('unreachable');
  expect(readFailure('anything').kind).toBe('unreachable');
});

test('a message quotes no row, and stays one short line', () => {
  expect(readFailure(engineError(27, 'CANNOT_PARSE_TEXT')).message).toBe('CANNOT_PARSE_TEXT');
  const long = readFailure(engineError(241, 'MEMORY_LIMIT_EXCEEDED', `a\n${'b'.repeat(1000)}`)).message;
  expect(long).toMatch(/^MEMORY_LIMIT_EXCEEDED: a b+…$/);
  expect(long.length).toBeLessThan(310);
});

/**
 * Parameters of a query's URL: those that the HTTP interface keeps for itself, query parameters (`param_x`), and
 * settings. Settings are set before `readonly = 1`, so the engine does not judge them; therefore only the ones
 * listed in free-settings.ts pass, and the bounds are set last.
 */
import { QUERY_SECONDS_MAX } from '../../../limits.ts';
import { EngineError, sqlString } from './engine.ts';
import { queryMemoryBytes, statementThreads } from './engine-config.ts';
import { FREE_SETTINGS } from './free-settings.ts';

/** Parameters that are not settings; read by a door or without meaning here. */
export const TRANSPORT_PARAMETERS: ReadonlySet<string> = new Set([
  'query',
  'database',
  'default_format',
  'user',
  'password',
  'quota_key',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'close_session',
  'role',
  'wait_end_of_query',
  'buffer_size',
  'compress',
  'decompress',
  'stacktrace',
  'client_protocol_version',
  'enable_http_compression',
  'http_zlib_compression_level',
  'cancel_http_readonly_queries_on_client_close',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'http_wait_end_of_query',
  'http_response_buffer_size',
  'http_write_exception_in_output_format',
  'add_http_cors_header',
  'log_comment',
  'log_queries',
  'readonly',
]);

/** Settings with a largest value; 0 means "no limit" to the engine, and the largest value here. */
function boundedSettings(resultBytesMax: number): ReadonlyMap<string, number> {
  return new Map([
    ['max_threads', statementThreads()],
    ['max_execution_time', QUERY_SECONDS_MAX],
    ['max_memory_usage', queryMemoryBytes()],
    ['max_result_bytes', resultBytesMax],
  ]);
}

/**
 * The statements that prepare a connection for one query. Throws EngineError for a parameter that may not be set.
 * `queryKey` marks the query in system.processes.
 */
export function querySettings(parameters: URLSearchParams, resultBytesMax: number, queryKey: string): string {
  const bounds = boundedSettings(resultBytesMax);
  const values = new Map<string, string>();
  values.set('json_type_escape_dots_in_keys', '1');
  for (const [name, value] of parameters) {
    if (TRANSPORT_PARAMETERS.has(name) || bounds.has(name)) continue;
    if (!isParameter(name) && !FREE_SETTINGS.has(name)) {
      throw new EngineError(
        `Code: 164. DB::Exception: Cannot modify '${name}' setting in readonly mode. (READONLY)`,
      );
    }
    values.set(name, sqlString(value));
  }
  for (const [name, most] of bounds) values.set(name, String(within(parameters.get(name), most)));
  // `break` would cut a result without a word.
  values.set('result_overflow_mode', "'throw'");
  values.set('timeout_overflow_mode', "'throw'");
  values.set('allow_introspection_functions', '0');
  values.set('log_comment', sqlString(queryKey));
  values.set('readonly', '1');
  return `SET ${[...values].map(([name, value]) => `${name} = ${value}`).join(', ')}`;
}

/** Query parameters by their name without `param_`. */
export function queryParameters(parameters: URLSearchParams): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of parameters)
    if (isParameter(name)) found.set(name.slice('param_'.length), value);
  return found;
}

/** The name goes into SQL, so it must be one. */
function isParameter(name: string): boolean {
  return /^param_[A-Za-z0-9_]+$/.test(name);
}

function within(asked: string | null, most: number): number {
  const value = Number(asked ?? 0);
  return value > 0 && value < most ? value : most;
}

/**
 * Settings that an insert may send, in the URL or in its SETTINGS clause: those that a reader may (free-settings.ts) and
 * the ones below, each by its name. They shape how rows are read and told apart; none names a file, a schema or a host.
 */
import { EngineError, sqlString } from '../engine.ts';
import { statementThreads } from '../engine-config.ts';
import { FREE_SETTINGS } from '../free-settings.ts';
import { TRANSPORT_PARAMETERS } from '../query-settings.ts';

const NAMES = `
  insert_deduplication_token insert_deduplicate deduplicate_insert deduplicate_blocks_in_dependent_materialized_views
  insert_null_as_default insert_quorum insert_quorum_timeout insert_distributed_sync distributed_foreground_insert
  async_insert wait_for_async_insert wait_for_async_insert_timeout async_insert_deduplicate
  max_insert_block_size max_insert_threads max_partitions_per_insert_block min_insert_block_size_rows
  min_insert_block_size_bytes min_chunk_bytes_for_parallel_parsing input_format_parallel_parsing

  input_format_allow_errors_num input_format_allow_errors_ratio input_format_csv_empty_as_default
  input_format_defaults_for_omitted_fields input_format_import_nested_json input_format_null_as_default
  input_format_skip_unknown_fields input_format_try_infer_dates input_format_try_infer_datetimes
  input_format_try_infer_integers input_format_values_interpret_expressions input_format_with_names_use_header
  input_format_with_types_use_header input_format_native_allow_types_conversion
  input_format_native_decode_types_in_binary_format input_format_binary_read_json_as_string
  input_format_json_compact_allow_variable_number_of_columns input_format_json_defaults_for_missing_elements_in_named_tuple
  input_format_json_ignore_unknown_keys_in_named_tuple input_format_json_map_as_array_of_tuples
  input_format_json_named_tuples_as_objects input_format_json_read_arrays_as_strings
  input_format_json_read_bools_as_numbers input_format_json_read_bools_as_strings
  input_format_json_read_numbers_as_strings input_format_json_read_objects_as_strings
  input_format_json_try_infer_named_tuples_from_objects input_format_json_try_infer_numbers_from_strings
  type_json_skip_duplicated_paths
`;

/** The names, as the engine spells them. */
export const INSERT_FREE_SETTINGS: ReadonlySet<string> = new Set([
  ...FREE_SETTINGS,
  ...NAMES.trim().split(/\s+/),
]);

/** One thread squashes and writes, so that a token means one block; later settings win over these. */
const DEFAULTS = {
  max_insert_threads: '1',
  min_chunk_bytes_for_parallel_parsing: '1048576',
  max_execution_time: '0',
} as const;

/**
 * The statement that prepares a connection for one insert. Throws EngineError for a setting that may not be sent;
 * parameters of the URL come first, the statement's own clause wins.
 */
export function insertSettings(
  parameters: URLSearchParams,
  clause: ReadonlyMap<string, string>,
  queryKey: string,
): string {
  const values = new Map<string, string>(Object.entries(DEFAULTS));
  for (const [name, value] of [...parameters, ...clause]) {
    if (TRANSPORT_PARAMETERS.has(name) || name.startsWith('param_')) continue;
    if (BOUNDED.has(name)) continue;
    if (!INSERT_FREE_SETTINGS.has(name)) throw refusedSetting(name);
    values.set(name, sqlString(value));
  }
  values.set('max_threads', String(statementThreads()));
  values.set('log_comment', sqlString(queryKey));
  return `SET ${[...values].map(([name, value]) => `${name} = ${value}`).join(', ')}`;
}

/** Taken without a word: an insert has bounds of its own here. */
const BOUNDED: ReadonlySet<string> = new Set(['max_execution_time', 'max_threads', 'max_memory_usage']);

function refusedSetting(name: string): EngineError {
  return new EngineError(
    `Code: 452. DB::Exception: Setting ${name} should not be changed: this server takes a list of settings by name, and that is none of them. (SETTING_CONSTRAINT_VIOLATION)`,
  );
}

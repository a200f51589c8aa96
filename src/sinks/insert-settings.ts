/** How ClickHouse shall read Penstock's rows, wherever they are inserted. Values as SQL and URLs have them. */

/** Of lines and of JSON columns: a value stays what the client sent. */
export const CONTENT_SETTINGS = {
  // A string stays a string, whatever it looks like.
  input_format_try_infer_dates: '0',
  input_format_try_infer_datetimes: '0',
  input_format_json_try_infer_numbers_from_strings: '0',
  // [true, 1] stays that, and is not read as [1, 1].
  input_format_json_read_bools_as_numbers: '0',
  input_format_json_read_bools_as_strings: '0',
  input_format_json_read_numbers_as_strings: '0',
  // Objects for a column of type String come as their text.
  input_format_json_read_objects_as_strings: '1',
  // {"a.b":1,"a":{"b":2}} would be refused otherwise.
  json_type_escape_dots_in_keys: '1',
  type_json_skip_duplicated_paths: '1',
} as const;

/** A token counts per inserted block: all rows of a body are squashed into one, by one thread. */
export const ONE_BLOCK_SETTINGS = {
  min_insert_block_size_rows: '1000000000',
  min_insert_block_size_bytes: '1000000000000',
  max_insert_threads: '1',
  // Otherwise a block whose rows were received around midnight on Sunday could be refused for its partitions.
  max_partitions_per_insert_block: '0',
} as const;

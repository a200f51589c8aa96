/** HTTP statuses of engine errors, as ClickHouse's HTTP interface chooses them; what is not here is 500. */
const STATUS_BY_CODE: ReadonlyMap<number, number> = new Map([
  // Authentication.
  [194, 401],
  [192, 403],
  [193, 403],
  [516, 403],
  [512, 403],
  // The query's own fault.
  [6, 400],
  [25, 400],
  [26, 400],
  [27, 400],
  [36, 400],
  [38, 400],
  [41, 400],
  [43, 400],
  [44, 400],
  [53, 400],
  [62, 400],
  [70, 400],
  [72, 400],
  [117, 400],
  [167, 400],
  [168, 400],
  [223, 400],
  [321, 400],
  [427, 400],
  [441, 400],
  [456, 400],
  [457, 400],
  [675, 400],
  [676, 400],
  // Names that are not known.
  [46, 404],
  [47, 404],
  [50, 404],
  [56, 404],
  [60, 404],
  [63, 404],
  [73, 404],
  [78, 404],
  [81, 404],
  [115, 404],
  [336, 404],
  // The rest.
  [159, 408],
  [229, 413],
  [48, 501],
  [439, 503],
  [202, 503],
  [241, 507],
]);

/** Status of an answer that carries this error. */
export function statusOf(engineCode: number): number {
  return STATUS_BY_CODE.get(engineCode) ?? 500;
}

const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  ['JSON', 'application/json; charset=UTF-8'],
  ['JSONCompact', 'application/json; charset=UTF-8'],
  ['JSONEachRow', 'application/x-ndjson; charset=UTF-8'],
  ['JSONCompactEachRow', 'application/x-ndjson; charset=UTF-8'],
  ['CSV', 'text/csv; charset=UTF-8; header=absent'],
  ['CSVWithNames', 'text/csv; charset=UTF-8; header=present'],
  ['TabSeparated', 'text/tab-separated-values; charset=UTF-8'],
  ['TSV', 'text/tab-separated-values; charset=UTF-8'],
  ['TabSeparatedWithNames', 'text/tab-separated-values; charset=UTF-8'],
  ['XML', 'application/xml; charset=UTF-8'],
  ['Native', 'application/octet-stream'],
  ['RowBinary', 'application/octet-stream'],
  ['Parquet', 'application/octet-stream'],
  ['Arrow', 'application/octet-stream'],
  ['ArrowStream', 'application/octet-stream'],
  ['ORC', 'application/octet-stream'],
]);

/** Content type of a result in this format. */
export function contentTypeOf(format: string): string {
  return CONTENT_TYPES.get(format) ?? 'text/plain; charset=UTF-8';
}

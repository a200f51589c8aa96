/** Blocks for tables whose object columns are of type String (embedded.object_type): the text as it was sent. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventLine } from './embedded/harness.ts';
import { encoder, take, withData } from './native-block-harness.ts';
import { openTables, type Tables } from './native-block-tables.ts';

let tables: Tables;
beforeAll(async () => {
  tables = await openTables('String');
});
afterAll(() => tables.close());

test('objects come as they stand in the line, absent ones empty', async () => {
  const objects = ['{"b":1.0,"a":[1,"x",[2]]}', '{}', '{"n":18446744073709551615,"s":"\\u00e9}{"}'];
  const all = Buffer.concat([withData(...objects), Buffer.from(eventLine('bare', { context: undefined }))]);
  const made = encoder('string');
  expect(made.append(all)).toBe(all.length);
  await tables.fill(take(made), all);
  expect(await tables.differences()).toEqual([]);
  expect(
    await tables.query(
      "SELECT event_data FROM events WHERE event_id < 'e9' AND event_id > 'd' ORDER BY event_id FORMAT TSVRaw",
    ),
  ).toBe(objects.join('\n'));
});

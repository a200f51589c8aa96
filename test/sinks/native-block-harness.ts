/** Encoders, what goes into them, and their blocks: as plain buffers, and as the tables of the real engine hold them. */
import { expect } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { createSlab, type FixtureFrame } from '../../bench/scan-fixture.ts';
import { BLOCK_BYTES_MAX, NATIVE_BLOCK_ROWS_MAX } from '../../src/limits.ts';
import { createScanOutput } from '../../src/scan/contract.ts';
import { createUuidSource } from '../../src/scan/uuid.ts';
import { createNativeBlockEncoder, type NativeBlockEncoder } from '../../src/sinks/native-block.ts';
import type { BlockOptions, JsonForm } from '../../src/sinks/native-block-setup.ts';
import { createBothScanners } from '../scan/both-scanners.ts';
import { APPS, BASE_TIME_MS, PROGRAMS } from '../scan/harness.ts';
import { eventLine } from './embedded/harness.ts';
import type { Tables } from './native-block-tables.ts';

/** An encoder with the bounds of the server. Throws where the addon is not built. */
export function encoder(
  jsonForm: JsonForm = 'paths',
  options: Partial<BlockOptions> = {},
): NativeBlockEncoder {
  const bounds = { bytesMax: BLOCK_BYTES_MAX, rowsMax: NATIVE_BLOCK_ROWS_MAX };
  const made = createNativeBlockEncoder({ jsonForm, ...bounds, ...options });
  if (made === undefined) throw new Error('these tests need the addon: npm run build');
  return made;
}

/** The block that has gathered; it came in pieces of `pieceBytes`. */
export function take(from: NativeBlockEncoder, pieceBytes = 65_536): Buffer {
  const pieces: Buffer[] = [];
  const length = from.take(() => {
    const piece = Buffer.alloc(pieceBytes, 0xee);
    pieces.push(piece);
    return piece;
  });
  return Buffer.concat(pieces).subarray(0, length);
}

/**
 * That `tables` hold the same of lines and of their blocks, in each form; `textRows` of the rows by path go as text. Where
 * none do, types are the same too.
 */
export async function expectEqual(
  tables: Tables,
  lines: Buffer,
  options: { forms?: JsonForm[]; textRows?: number } = {},
): Promise<void> {
  for (const form of options.forms ?? ['paths', 'text']) {
    const made = encoder(form);
    expect(made.append(lines)).toBe(lines.length);
    const rows = lines.toString('latin1').split('\n').length - 1;
    expect(made.rows()).toBe(rows);
    if (options.textRows !== undefined && form === 'paths') expect(made.textRows()).toBe(options.textRows);
    await tables.fill(take(made), lines);
    expect(await tables.differences()).toEqual([]);
    if (form === 'paths' && options.textRows === 0) expect(await tables.typeDifferences(lines)).toEqual([]);
    expect(await tables.query('SELECT count() FROM events')).toBe(String(rows));
  }
}

/** The lines of frames by both scanners, which must agree. */
export function scan(frames: readonly FixtureFrame[]): Buffer {
  const ids = createUuidSource(createRandom(7));
  const scanner = createBothScanners({ programs: PROGRAMS, apps: APPS, batchEventsMax: 1000, ids });
  const output = createScanOutput();
  scanner.scan(createSlab(frames, BASE_TIME_MS).job(), output);
  return Buffer.from(output.lines.subarray(0, output.lineBytes));
}

/** Lines of events that differ in `event_data` alone. */
export function withData(...objects: string[]): Buffer {
  const lines = objects.map((object, index) =>
    eventLine(`e${index}`).replace('"context"', () => `"event_data":${object},"context"`),
  );
  return Buffer.from(lines.join(''));
}

/** What of fetched batches is in a block, and what becomes a letter. */
import { expect, test } from 'vitest';
import { Assembler, CodecMissingError, openCodecs } from '../../src/consume/assembler.ts';
import { createDecoder } from '../../src/consume/decode-native.ts';
import { lettersHeaders, readLetter, replayHeaders } from '../../src/consume/letter.ts';
import { type RawBatch, splitBatches } from '../../src/consume/raw-batch.ts';
import { createChunkPool } from '../../src/sinks/block.ts';
import { createEncoderPool, NativeBlock } from '../../src/sinks/block-builders.ts';
import { BatchField } from '../../src/sinks/kafka/batch-contract.ts';
import { CODEC_NAMES, openCodec } from '../../src/sinks/kafka/codecs.ts';
import { compressBatch } from '../../src/sinks/kafka/compress-batch.ts';
import { NO_PRODUCER, sealBatch } from '../../src/sinks/kafka/record-batch.ts';
import type { BlockTarget } from '../../src/sinks/sink.ts';
import { batchOf, canonicalLine } from './model.ts';

const PLACE = { topic: 'events', partition: 3 };
const UNBOUND = { rowsMax: 1e9, bytesMax: 1e12 };

/** A target whose blocks are those of a ClickHouse server. */
async function assemblerWithTarget(codecs?: Awaited<ReturnType<typeof openCodecs>>) {
  const assembler = new Assembler(createDecoder(), codecs ?? (await openCodecs(() => {})));
  const [encoders, pool] = [createEncoderPool('paths', 16e6), createChunkPool()];
  const target: BlockTarget = {
    name: 'test',
    begin: () => {
      const encoder = encoders.free.pop() ?? encoders.make();
      if (encoder === undefined) throw new Error('the addon is not built');
      return new NativeBlock(encoder, encoders, pool, assembler.onUnreadable);
    },
    send: async () => 'delivered',
  };
  return { assembler, target };
}

function batchesOf(...parts: readonly (readonly (string | undefined)[])[]): RawBatch[] {
  let offset = 100;
  const bytes = parts.map((values) => {
    const batch = batchOf(values, offset);
    offset += values.length;
    return batch;
  });
  return splitBatches(Buffer.concat(bytes), [], false);
}

test('lines are rows; strays, and lines that the encoder cannot read, are letters in their order', async () => {
  const { assembler, target } = await assemblerWithTarget();
  const broken = (id: string) => canonicalLine(id).replace('{"n":1}', '{"n":1');
  const batches = batchesOf(
    [canonicalLine('a'), broken('b'), undefined, canonicalLine('c'), broken('b')],
    ['garbage', canonicalLine('d')],
  );
  const { builder, letters, end } = await assembler.fill(target, PLACE, batches, 100, undefined, UNBOUND);
  expect([builder.rows, end]).toEqual([3, 107]);
  expect(letters.map(({ offset, reason }) => [offset, reason])).toEqual([
    [101, 'not_canonical'],
    [102, 'tombstone'],
    [104, 'not_canonical'],
    [105, 'not_canonical'],
  ]);
  expect(letters[0]).toMatchObject({ ...PLACE, timestampMs: 1000, value: Buffer.from(broken('b')) });
  builder.release();
});

test('a block ends with the batch that fills it; a fixed end cuts one in two, and both parts have each row once', async () => {
  const { assembler, target } = await assemblerWithTarget();
  const lines = (count: number) => Array.from({ length: count }, (_, index) => canonicalLine(`${index}`));
  const batches = batchesOf(lines(10), lines(10), lines(10));
  const open = await assembler.fill(target, PLACE, batches, 100, undefined, { rowsMax: 20, bytesMax: 1e12 });
  expect([open.builder.rows, open.end]).toEqual([20, 120]);
  const first = await assembler.fill(target, PLACE, batches, 103, 115, UNBOUND);
  const second = await assembler.fill(target, PLACE, batches, 115, undefined, UNBOUND);
  expect([first.builder.rows, first.end, second.builder.rows, second.end]).toEqual([12, 115, 15, 130]);
  for (const { builder } of [open, first, second]) builder.release();
});

test('every codec is read; a batch that is not what it says is one letter, and the line goes on', async () => {
  const { assembler, target } = await assemblerWithTarget();
  const sealed = (batch: Buffer) => {
    sealBatch(batch, NO_PRODUCER);
    return batch;
  };
  const plain = () => batchOf(Array.from({ length: 50 }, (_, index) => canonicalLine(`${index}`)));
  const all: Buffer[] = [];
  for (const name of CODEC_NAMES) all.push(sealed(compressBatch(plainOf(plain()), await openCodec(name))));
  // Says lz4, and is none.
  const lying = plain();
  lying.writeInt16BE(3, BatchField.attributes);
  const cut = Buffer.from(plain());
  cut.writeInt32BE(51, BatchField.recordCount);
  const strange = plain();
  strange.writeInt16BE(6, BatchField.attributes);
  all.push(sealed(lying), sealed(cut), sealed(strange), sealed(plain()));
  for (const [index, batch] of all.entries()) batch.writeBigInt64BE(BigInt(100 + index * 50), 0);
  const batches = splitBatches(Buffer.concat(all), [], false);
  const { builder, letters } = await assembler.fill(target, PLACE, batches, 100, undefined, UNBOUND);
  expect(builder.rows).toBe(50 * (CODEC_NAMES.length + 1));
  expect(letters.map(({ reason, offset }) => [reason, offset])).toEqual([
    ['unreadable_batch', 350],
    ['unreadable_batch', 400],
    ['unreadable_batch', 450],
  ]);
  builder.release();
});

/** compressBatch wants a batch that is not sealed: it looks at attributes alone. */
function plainOf(batch: Buffer): Buffer {
  return batch;
}

test('a codec that this machine has not is no fault of the records', async () => {
  const codecs = await openCodecs(() => {});
  const { assembler, target } = await assemblerWithTarget(
    codecs.map((codec, number) => (number === 1 ? undefined : codec)),
  );
  const batch = compressBatch(batchOf([canonicalLine('a'.repeat(500))]), await openCodec('gzip'));
  sealBatch(batch, NO_PRODUCER);
  const filling = assembler.fill(target, PLACE, splitBatches(batch, [], false), 0, undefined, UNBOUND);
  await expect(filling).rejects.toThrow(CodecMissingError);
});

test('a letter says in its headers what it is, and gives it back', () => {
  const letter = {
    ...PLACE,
    offset: 9,
    reason: 'not_canonical',
    timestampMs: 1000,
    key: Buffer.from('k'),
    value: Buffer.from('v'),
    headers: [['dlq.replays', Buffer.from('2')] as const, ['trace', undefined] as const],
  } as const;
  const headers = lettersHeaders(letter, 'group', 5000, undefined);
  expect(readLetter({ key: letter.key, value: letter.value, headers })).toEqual({
    ...letter,
    headers: [['trace', undefined]],
    replays: 2,
    cutBytes: undefined,
  });
  expect(replayHeaders(headers, 3)).toEqual([
    ['dlq.replays', Buffer.from('3')],
    ['trace', undefined],
  ]);
  expect(readLetter({ key: undefined, value: undefined, headers: [] })).toBeUndefined();
  expect(lettersHeaders(letter, 'group', 5000, 99).find(([name]) => name === 'dlq.value_bytes')?.[1]).toEqual(
    Buffer.from('99'),
  );
});

/** The compressions of record batches: each read by something that we did not write, and each reads what others write. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { query } from 'chdb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCorpus, createRandom } from '../../../bench/corpus.ts';
import { BATCH_HEADER_BYTES } from '../../../src/sinks/kafka/batch-contract.ts';
import {
  CODEC_NAMES,
  type Codec,
  CodecUnavailableError,
  openCodec,
} from '../../../src/sinks/kafka/codecs.ts';
import { compressBatch } from '../../../src/sinks/kafka/compress-batch.ts';
import { sealBatch } from '../../../src/sinks/kafka/record-batch.ts';
import { encode, linesOf, lineWith, scanBodies } from './batch-harness.ts';
import {
  type DecodedBatch,
  decodeBatch,
  encodeAgain,
  kafkajsCrc32c,
  kafkajsSnappy,
  registerCodec,
  registerKafkajsCodec,
} from './kafkajs-batches.ts';

const require = createRequire(import.meta.url);
const codecs = await Promise.all(CODEC_NAMES.map((name) => openCodec(name)));
const codecOf = (name: string) => codecs.find((codec) => codec.name === name) as Codec;
const producer = { producerId: 77n, producerEpoch: 1, baseSequence: 9 };

/** Ordinary events, and bytes that nothing shortens. */
const { batches } = await encode(scanBodies([createCorpus(1, 'medium').array(500)]));
const folder = mkdtempSync(join(tmpdir(), 'penstock-codecs-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.each(codecs.filter(({ id }) => id > 0).map((codec) => [codec.name, codec] as const))(
  '%s',
  (name, codec) => {
    beforeAll(() => {
      // kafkajs brings gzip itself, and its users bring kafkajs-snappy: those read what we wrote.
      if (name === 'snappy') registerKafkajsCodec(codec.id, kafkajsSnappy);
      else if (name !== 'gzip') registerCodec(codec);
    });

    it('gives batches that kafkajs reads', async () => {
      for (const batch of batches) {
        const compressed = compressBatch(batch.bytes, codec);
        sealBatch(compressed, producer);
        expect(compressed.length).toBeLessThan(batch.bytes.length / 2);
        expect(compressed.readUInt16BE(21)).toBe(codec.id);
        expect(compressed.readInt32BE(8)).toBe(compressed.length - 12);
        expect(compressed.readUInt32BE(17)).toBe(kafkajsCrc32c(compressed.subarray(21)) >>> 0);
        const read = await decodeBatch(compressed);
        expect(read.records).toHaveLength(batch.records.length);
        const valuesOf = ({ records }: DecodedBatch) => records.map(({ value }) => value.toString());
        expect(valuesOf(read)).toEqual(valuesOf(batch));
        expect(read.producerId).toBe('77');
        const records = codec.decompress(compressed.subarray(BATCH_HEADER_BYTES));
        expect(records.equals(batch.bytes.subarray(BATCH_HEADER_BYTES))).toBe(true);
      }
    });

    it('reads batches that kafkajs wrote', async () => {
      const [batch] = batches;
      const written = await encodeAgain(batch!, codec.id);
      const records = codec.decompress(written.subarray(BATCH_HEADER_BYTES));
      expect(records.equals(batch!.bytes.subarray(BATCH_HEADER_BYTES))).toBe(true);
    });

    it('leaves a batch as it is that would grow', async () => {
      const { batches: tiny } = await encode(linesOf(lineWith('a')));
      const random = Buffer.from(tiny[0]!.bytes);
      for (let at = BATCH_HEADER_BYTES; at < random.length; at++)
        random[at] = (at * at * 31 + at * 7919) & 0xff;
      const given = compressBatch(random, codec);
      expect(given).toBe(random);
      expect(given.readInt16BE(21)).toBe(0);
    });

    it('throws for bytes that are not its own', () => {
      const [batch] = batches;
      const whole = codec.compress(batch!.bytes);
      const cuts = [0, 1, 5, 20, whole.length >> 1, whole.length - 1];
      for (const broken of [
        Buffer.from('not compressed at all'),
        ...cuts.map((cut) => whole.subarray(0, cut)),
      ]) {
        expect(() => codec.decompress(broken)).toThrow();
      }
    });
  },
);

it.each(['gzip', 'lz4', 'zstd'])('%s is read by ClickHouse', (name) => {
  const file = join(folder, name);
  const [batch] = batches;
  writeFileSync(file, codecOf(name).compress(batch!.bytes));
  const hex = query(`SELECT hex(b) FROM file('${file}', 'RawBLOB', 'b String', '${name}')`, 'TSVRaw');
  expect(Buffer.from(String(hex).trim(), 'hex').equals(batch!.bytes)).toBe(true);
});

it.each(['gzip', 'lz4', 'zstd'])(
  '%s streams that ClickHouse wrote are read, whose frames do not tell their size',
  (name) => {
    const file = join(folder, `written.${name}`);
    query(
      `INSERT INTO FUNCTION file('${file}', 'RawBLOB', 'b String', '${name}') SELECT repeat('penstock ', 400000)`,
    );
    expect(
      codecOf(name)
        .decompress(readFileSync(file))
        .equals(Buffer.from('penstock '.repeat(400_000))),
    ).toBe(true);
  },
);

/** As on Node 20, whatever runs the test. */
const wasmZstd = await openCodec('zstd', (name) => (name === 'node:zlib' ? {} : require(name)));

it('a zstd frame that claims gigabytes is refused before memory is taken', () => {
  // Magic, an eight-byte content size of 3 GiB in a single segment, one empty last block.
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(3n * 2n ** 30n);
  const claim = Buffer.concat([Buffer.from('28b52ffde0', 'hex'), size, Buffer.from([1, 0, 0])]);
  expect(() => wasmZstd.decompress(claim)).toThrow(RangeError);
  expect(() => codecOf('zstd').decompress(claim)).toThrow();
});

it.each(['gzip', 'snappy', 'lz4', 'zstd'])(
  '%s takes any number of bytes, also those that do not compress',
  (name) => {
    const random = createRandom(5);
    const noise = Buffer.from(Uint8Array.from({ length: 600_000 }, () => random() >> 3));
    const codec = codecOf(name);
    for (const length of [0, 1, 32_768, 32_769, 262_144, 262_145, 600_000]) {
      for (const bytes of [noise.subarray(0, length), Buffer.alloc(length, 'ab')]) {
        const compressed = codec.compress(bytes);
        expect(codec.decompress(compressed).equals(bytes)).toBe(true);
        // ClickHouse reads what is not of Kafka's own framing.
        if (name === 'snappy' || length !== 600_000) continue;
        writeFileSync(join(folder, 'noise'), compressed);
        const sum = `SELECT lower(hex(MD5(b))) FROM file('${join(folder, 'noise')}', 'RawBLOB', 'b String', '${name}')`;
        expect(String(query(sum, 'TSV')).trim()).toBe(createHash('md5').update(bytes).digest('hex'));
      }
    }
  },
);

it('lz4 frames have independent blocks, without which the Java client refuses them', () => {
  const frame = codecOf('lz4').compress(batches[0]!.bytes);
  expect(frame.readUInt32LE(0)).toBe(0x184d2204);
  // Version 1, independent blocks, no checksum or size beside them.
  expect(frame[4]! & 0b1110_0011).toBe(0b0110_0000);
});

describe('snappy', () => {
  const bytes = Buffer.from('snappy '.repeat(20_000));
  const snappy = require('snappy') as { compressSync(bytes: Buffer): Buffer };

  it('has the framing of snappy-java', () => {
    const framed = codecOf('snappy').compress(bytes);
    expect(framed.subarray(0, 16).toString('hex')).toBe('82534e41505059000000000100000001');
    expect(framed.readInt32BE(16)).toBe(snappy.compressSync(bytes.subarray(0, 32_768)).length);
  });

  it('is read without framing, as some producers write it', () => {
    expect(codecOf('snappy').decompress(snappy.compressSync(bytes)).equals(bytes)).toBe(true);
  });

  it('is cut at its bound before a byte is written', () => {
    // A block that says it holds 4 GiB.
    const bomb = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
    expect(() => codecOf('snappy').decompress(bomb)).toThrow(RangeError);
  });
});

it('lz4 is refused where its blocks could pass the bound', () => {
  const block = codecOf('lz4').compress(Buffer.alloc(262_144));
  const many = Array.from({ length: 300 }, () => block.subarray(7, -4));
  const bomb = Buffer.concat([block.subarray(0, 7), ...many, Buffer.alloc(4)]);
  expect(() => codecOf('lz4').decompress(bomb)).toThrow(RangeError);
});

it('gzip is cut at its bound', () => {
  expect(() => codecOf('gzip').decompress(gzipSync(Buffer.alloc(65 * 1024 * 1024)))).toThrow();
});

it('a codec whose library this machine has not is told by a code when it is opened', async () => {
  const without = (missing: string) => (name: string) => {
    if (name === missing) throw new Error(`Cannot find native binding of ${name}`);
    return name === 'node:zlib' ? {} : require(name);
  };
  for (const [name, library] of [
    ['snappy', 'snappy'],
    ['lz4', 'lz4-napi'],
    ['zstd', '@bokuweb/zstd-wasm'],
  ] as const) {
    const failure = await openCodec(name, without(library)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CodecUnavailableError);
    expect(failure).toMatchObject({ code: 'codec_unavailable', message: expect.stringContaining(name) });
  }
});

it('zstd of WebAssembly and of the runtime read each other', () => {
  const bytes = batches[0]!.bytes;
  expect(wasmZstd.decompress(codecOf('zstd').compress(bytes)).equals(bytes)).toBe(true);
  expect(codecOf('zstd').decompress(wasmZstd.compress(bytes)).equals(bytes)).toBe(true);
});

it('zstd is taken from node:zlib where the runtime has it', async () => {
  const calls: string[] = [];
  const noting = (call: string) => (bytes: Buffer) => {
    calls.push(call);
    return bytes;
  };
  const zlib = { zstdCompressSync: noting('compress'), zstdDecompressSync: noting('decompress') };
  const codec = await openCodec('zstd', (name) => (name === 'node:zlib' ? zlib : undefined));
  // An empty frame, which the codec looks at before it passes it on.
  codec.decompress(codec.compress(Buffer.from('28b52ffd2000010000', 'hex')));
  expect(calls).toEqual(['compress', 'decompress']);
});

// Hot path where there is no addon: runs once a record.
/** Records one by one (decode-contract.ts has the format): for the reference decoder, and for the few that become dead letters. */

/** A record. VIEWS of the records; undefined is Kafka's null. */
export interface PlainRecord {
  readonly timestampDelta: number;
  readonly offsetDelta: number;
  readonly key: Buffer | undefined;
  readonly value: Buffer | undefined;
  readonly headers: readonly (readonly [name: string, value: Buffer | undefined])[];
}

/** Bytes of the longest varlong. */
const VARLONG_BYTES_MAX = 10;
/** Bytes of the longest varint. */
const VARINT_BYTES_MAX = 5;

/** Reads just `count` whole records, and calls `take` with each and its place among them. Throws RangeError for anything else. */
export function eachRecord(
  records: Buffer,
  count: number,
  take: (record: PlainRecord, index: number) => void,
): void {
  const reader = new RecordReader(records);
  for (let index = 0; index < count; index++) take(reader.next(), index);
  if (!reader.isAtEnd) throw new RangeError('there are bytes behind the records');
}

class RecordReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): PlainRecord {
    this.#end = this.#bytes.length;
    const length = this.#varint();
    if (length < 0 || length > this.#end - this.#at) throw new RangeError('a record is cut');
    this.#end = this.#at + length;
    this.#skip(1);
    const timestampDelta = this.#number(VARLONG_BYTES_MAX);
    const offsetDelta = this.#varint();
    const key = this.#text();
    const value = this.#text();
    const headers: (readonly [string, Buffer | undefined])[] = [];
    const headerCount = this.#varint();
    // A header has at least two bytes.
    if (headerCount < 0 || headerCount * 2 > this.#end - this.#at) throw new RangeError('headers are cut');
    for (let index = 0; index < headerCount; index++) {
      const name = this.#text();
      if (name === undefined) throw new RangeError('a header has no name');
      headers.push([name.toString('utf8'), this.#text()]);
    }
    if (this.#at !== this.#end) throw new RangeError('a record is longer than what is in it');
    return { timestampDelta, offsetDelta, key, value, headers };
  }

  #text(): Buffer | undefined {
    const length = this.#varint();
    if (length === -1) return undefined;
    if (length < -1) throw new RangeError('a length is negative');
    const from = this.#skip(length);
    return this.#bytes.subarray(from, from + length);
  }

  #skip(length: number): number {
    const from = this.#at;
    if (length > this.#end - from) throw new RangeError('a record is cut');
    this.#at = from + length;
    return from;
  }

  /** Zigzag within 32 bits. */
  #varint(): number {
    const value = this.#number(VARINT_BYTES_MAX);
    if (value < -(2 ** 31) || value >= 2 ** 31) throw new RangeError('a number has more than 32 bits');
    return value;
  }

  /** Exact within ±2^52; the one number that may be more is a time, and no record's. */
  #number(bytesMax: number): number {
    let value = 0;
    for (let scale = 1, bytes = 1; ; scale *= 0x80, bytes++) {
      if (bytes > bytesMax) throw new RangeError('a number does not end');
      const byte = this.#bytes[this.#skip(1)] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

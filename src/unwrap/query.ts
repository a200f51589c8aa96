/**
 * Query strings and forms (https://url.spec.whatwg.org/#application/x-www-form-urlencoded): fields that are cut at `&`
 * and `=`, percent-encoded. What is no escape stays as it is, as browsers have it.
 */
import { QUERY_FIELDS_MAX } from '../limits.ts';

/** Fields in order; of `onlyName`, if given, the first alone. Fields beyond QUERY_FIELDS_MAX are one with the last. */
export function fieldsOf(query: string): [name: string, value: string][] {
  const fields: [string, string][] = [];
  for (const part of query.split('&', QUERY_FIELDS_MAX)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = equals === -1 ? part : part.slice(0, equals);
    fields.push([decodeText(name), equals === -1 ? '' : decodeText(part.slice(equals + 1))]);
  }
  return fields;
}

/** The raw value of the first field of this name, or undefined. */
export function rawFieldOf(query: string, name: string): string | undefined {
  const start = query.startsWith(`${name}=`) ? 0 : query.indexOf(`&${name}=`) + 1;
  if (start === 0 && !query.startsWith(`${name}=`)) return undefined;
  const from = start + name.length + 1;
  const end = query.indexOf('&', from);
  return query.slice(from, end === -1 ? undefined : end);
}

/** A value without its percent-encoding, `+` for a space; bytes that are no UTF-8 become U+FFFD. */
export function decodeText(value: string): string {
  if (!value.includes('%') && !value.includes('+')) return value;
  return decodeBytes(Buffer.from(value), 0x20).toString('utf8');
}

/** The bytes of a value without its percent-encoding; `plus` is what a plus sign stands for. COPY. */
export function decodeBytes(value: Uint8Array, plus: number): Buffer {
  const decoded = Buffer.allocUnsafe(value.length);
  let to = 0;
  for (let at = 0; at < value.length; at++) {
    const byte = value[at] ?? 0;
    const high = byte === 0x25 ? hexDigit(value[at + 1]) : -1;
    const low = high === -1 ? -1 : hexDigit(value[at + 2]);
    if (low !== -1) {
      decoded[to++] = high * 16 + low;
      at += 2;
    } else {
      decoded[to++] = byte === 0x2b ? plus : byte;
    }
  }
  return decoded.subarray(0, to);
}

function hexDigit(byte = 0): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** Addresses from text, against Node's own parser, in both scanners. */
import { isIP, SocketAddress } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../bench/corpus.ts';
import { readAddress } from '../../src/scan/reference/address-text.ts';
import { ADDRESSES } from '../fuzz/scan-words.ts';
import { CLAIMING_BATCH, createBench, eventWith } from './harness.ts';

const target = new Uint8Array(16);
function bytesOf(text: string): string | undefined {
  const bytes = Buffer.from(text);
  const length = readAddress(bytes, 0, bytes.length, target);
  return length === 0 ? undefined : Buffer.from(target.subarray(0, length)).toString('hex');
}

/** What Node says: none where there is a zone, which is no part of an address' text. */
function isAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

const random = createRandom(11);
const pick = <Item>(items: readonly Item[]) => items[random() % items.length] as Item;
const PIECES = [
  '0',
  '1',
  '9',
  '10',
  '255',
  '256',
  'a',
  'ff',
  'FFFF',
  'db8',
  '::',
  ':',
  '.',
  '1.2.3.4',
  'g',
  '',
];
const made = Array.from({ length: 20_000 }, () =>
  Array.from({ length: 1 + (random() % 16) }, (_none, index) =>
    index % 2 === 1 && random() % 6 !== 0 ? pick([':', ':', ':', '.', '::']) : pick(PIECES),
  ).join(''),
);
const whole = Array.from({ length: 2000 }, () => {
  const groups = Array.from({ length: 8 }, () => pick(['0', '0', '1', 'a0', 'ABCD', '00f']));
  const from = random() % 8;
  const text = groups.join(':');
  return random() % 2 === 0
    ? text
    : `${groups.slice(0, from).join(':')}::${groups.slice(from + 1 + (random() % 3)).join(':')}`;
});

describe('a text', () => {
  it('is an address exactly when Node says so', () => {
    const texts = [...ADDRESSES.filter((text) => !text.includes('\\')), ...made, ...whole];
    for (const text of texts) expect([text, bytesOf(text) !== undefined]).toEqual([text, isAddress(text)]);
    const sound = texts.filter(isAddress).length;
    expect([sound > 1000, texts.length - sound > 1000]).toEqual([true, true]);
  });

  it('of one address is the same bytes however it is spelt', () => {
    const spellings = [
      ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:0db8::0001', '2001:db8:0::0:1', '2001:db8::0.0.0.1'],
      ['1.2.3.4', '::ffff:1.2.3.4', '::FFFF:102:304', '0:0:0:0:0:ffff:1.2.3.4'],
      ['::', '0::0', '0:0:0:0:0:0:0:0', '::0.0.0.0'],
    ];
    for (const [first = '', ...others] of spellings) {
      for (const other of others) expect([other, bytesOf(other)]).toEqual([other, bytesOf(first)]);
    }
  });

  it('is written as Node spells it, by both scanners', () => {
    const texts = [...new Set([...made, ...whole].filter(isAddress))].slice(0, 3000);
    const events = texts.map((ip) => eventWith(`"ip":"${ip}"`));
    const { lines } = createBench(texts.length).scan([{ body: `[${events.join()}]`, route: CLAIMING_BATCH }]);
    expect(lines.length).toBe(texts.length);
    for (const [index, text] of texts.entries()) {
      const family = isIP(text) === 4 ? 'ipv4' : 'ipv6';
      const { address } = new SocketAddress({ address: text, family });
      const ip = (JSON.parse(lines[index] ?? '') as { ip: string }).ip;
      // Node writes the older forms of IPv4 within IPv6 with dots; RFC 5952 leaves them to hexadecimal.
      const expected = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
      if (!/^::[\d.]+\.\d+$/.test(expected)) expect([text, ip]).toEqual([text, expected]);
    }
  });
});

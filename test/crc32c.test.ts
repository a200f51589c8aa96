import { describe, expect, it } from 'vitest';
import { createRandom } from '../bench/corpus.ts';
import { crc32c, crc32cByTable } from '../src/crc32c.ts';

describe.each([
  ['of the machine', crc32c],
  ['by table', crc32cByTable],
])('CRC-32C %s', (_name, crc) => {
  it('gives the values of RFC 3720, appendix B.4, and the check value', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, index) => index);
    // An iSCSI SCSI Read (10) command PDU.
    const command = Buffer.alloc(48);
    command.set([0x01, 0xc0], 0);
    command.set([0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28], 16);
    command[40] = 0x02;
    // The RFC prints the bytes of the CRC as they are sent, the lowest first.
    expect(crc(new Uint8Array(32), 0)).toBe(0x8a9136aa);
    expect(crc(new Uint8Array(32).fill(0xff), 0)).toBe(0x62a8ab43);
    expect(crc(ascending, 0)).toBe(0x46dd794e);
    expect(crc(ascending.toReversed(), 0)).toBe(0x113fdb5c);
    expect(crc(command, 0)).toBe(0xd9963a56);
    expect(crc(Buffer.from('123456789'), 0)).toBe(0xe3069283);
    expect(crc(new Uint8Array(0), 0)).toBe(0);
  });

  it('is the same for the whole and for its pieces, wherever they meet', () => {
    const random = createRandom(11);
    // Beyond three chains of the native code, with every kind of rest behind them.
    for (const length of [1, 7, 8, 9, 1_535, 1_536, 1_537, 3_071, 3_080, 10_001]) {
      const bytes = Uint8Array.from({ length }, () => random() & 0xff);
      const whole = crc32cByTable(bytes, 0);
      for (const cut of [0, 1, 3, length >> 1, length - 1, length]) {
        expect(crc(bytes.subarray(cut), crc(bytes.subarray(0, cut), 0))).toBe(whole);
      }
    }
  });
});

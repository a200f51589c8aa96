import { describe, expect, test } from 'vitest';
import { ClientAddress } from '../../src/admission/client-address.ts';

const v4 = (text: string) => Uint8Array.from(text.split('.').map(Number)).buffer;
const mapped = (text: string) =>
  Uint8Array.from([...Array(10).fill(0), 0xff, 0xff, ...text.split('.').map(Number)]).buffer;
const show = (bytes: Uint8Array) => [...bytes].join('.');

describe('client address', () => {
  test('an IPv4 peer is 4 bytes, also when the socket maps it into IPv6', () => {
    const address = new ClientAddress([], 'keep');
    expect(show(address.of(v4('203.0.113.9'), ''))).toBe('203.0.113.9');
    expect(show(address.of(mapped('203.0.113.9'), ''))).toBe('203.0.113.9');
  });

  test('a connection that was reset has no address, whatever it forwards', () => {
    const address = new ClientAddress(['10.0.0.0/8'], 'keep');
    expect(address.of(new ArrayBuffer(0), '198.51.100.1').length).toBe(0);
  });

  test('X-Forwarded-For of a stranger is not believed', () => {
    const address = new ClientAddress(['10.0.0.0/8'], 'keep');
    expect(show(address.of(v4('203.0.113.9'), '198.51.100.1'))).toBe('203.0.113.9');
  });

  test('behind trusted proxies the right-most stranger counts, not what was written left of it', () => {
    const address = new ClientAddress(['10.0.0.0/8', '::1/128'], 'keep');
    const header = '1.1.1.1, 198.51.100.7, 10.1.2.3';
    expect(show(address.of(mapped('10.0.0.5'), header))).toBe('198.51.100.7');
    expect(show(address.of(v4('10.0.0.5'), 'nonsense'))).toBe('10.0.0.5');
    expect(show(address.of(v4('10.0.0.5'), '2001:db8::1')).startsWith('32.1.13.184')).toBe(true);
  });

  test('truncate zeroes the host part, drop keeps nothing', () => {
    expect(show(new ClientAddress([], 'truncate').of(v4('203.0.113.9'), ''))).toBe('203.0.113.0');
    const v6 = Uint8Array.from(Array.from({ length: 16 }, (_, index) => index + 1)).buffer;
    expect(show(new ClientAddress([], 'truncate').of(v6, ''))).toBe('1.2.3.4.5.6.0.0.0.0.0.0.0.0.0.0');
    expect(new ClientAddress([], 'drop').of(v6, '').length).toBe(0);
  });
});

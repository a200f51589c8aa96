/**
 * Chapter 31, its values: how an address that an event says of itself is spelt in the row, and what is none, which is passed
 * over and stays where it was.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { at, HEADER, PEER, rowWhen, start } from '../support/own-address.ts';
import { BROWSER, OWN, SERVER } from '../support/own-address-families.ts';

describe('with privacy.from_events', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each([
    ['a private one', '10.1.2.3', '10.1.2.3'],
    ['IPv6 in capitals, with zeros', '2001:0DB8:0:0:0:0:0:0001', '2001:db8::1'],
    ['IPv4 within IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
    ['IPv4 within IPv6, in hexadecimal', '::FFFF:cb00:7107', '203.0.113.7'],
    ['an IPv6 address that ends as IPv4', '64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['nothing but zeros', '0.0.0.0', '0.0.0.0'],
  ])('an address, %s: %s stands there as %s', async (_what, ip, stored) => {
    expect(await rowWhen(server, SERVER, { ip })).toMatchObject({ ip: stored });
    expect(await rowWhen(server, OWN, { ip })).toMatchObject({ ip: stored });
  });

  test.each([
    ['unknown'],
    ['$remote'],
    ['localhost'],
    [''],
    [' 10.0.0.1'],
    ['10.0.0.1:443'],
    ['[::1]:443'],
    ['10.0.0.1, 10.0.0.2'],
    ['10.0.0.0/8'],
    ['10.0.0.256'],
    ['010.0.0.1'],
    ['10.0.1'],
    ['fe80::1%eth0'],
    ['1::2::3'],
    [167772161],
    [true],
    [null],
    [['10.0.0.1']],
    [{ v4: '10.0.0.1' }],
  ])('what is no address, %j: the connection’s, or none of a server; it stays where it was', async (ip) => {
    const server_ = await rowWhen(server, SERVER, { ip });
    expect(server_).toMatchObject({ ip: '', user_agent: '' });
    const browser = await rowWhen(server, BROWSER, { ip });
    expect(browser).toMatchObject({ ip: PEER, user_agent: HEADER });
    const own = await rowWhen(server, OWN, { ip });
    expect(own).toMatchObject({ ip: PEER });
    if (ip !== null) for (const row of [server_, browser, own]) expect(at(row, 'context.ip')).toEqual(ip);
  });

  test.each([
    ['empty', ''],
    ['no text', 7],
    ['longer than 512 bytes', 'é'.repeat(257)],
  ])('an agent that is %s is passed over', async (_what, agent) => {
    expect(await rowWhen(server, SERVER, { agent })).toMatchObject({ user_agent: '' });
    expect(await rowWhen(server, OWN, { agent })).toMatchObject({ user_agent: HEADER });
  });

  test('an agent of 512 bytes is kept to the last one', async () => {
    const agent = 'é'.repeat(256);
    expect(await rowWhen(server, SERVER, { agent })).toMatchObject({ user_agent: agent });
  });
});

/** Chapter 31, its privacy: truncated and dropped is what events say of themselves, as what connections say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Running } from '../support/appliance.ts';
import { at, BOTH, OWN_IP, rowWhen, start } from '../support/own-address.ts';
import { FAMILIES, OWN, SERVER } from '../support/own-address-families.ts';

describe('with privacy.from_events, addresses truncated', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true, ip: 'truncate' });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each([
    ['203.0.113.7', '203.0.113.0'],
    ['::ffff:203.0.113.7', '203.0.113.0'],
    ['2001:db8:1:2::ff', '2001:db8:1::'],
  ])('%s stands there as %s, whoever says it', async (ip, stored) => {
    for (const family of FAMILIES)
      expect(await rowWhen(server, family, { ip })).toMatchObject({ ip: stored });
  });

  test('so does the connection’s', async () => {
    expect(await rowWhen(server, OWN, {})).toMatchObject({ ip: '127.0.0.0' });
  });
});

describe('with privacy.from_events, addresses and agents dropped', () => {
  let server: Running;
  beforeAll(async () => {
    server = await start({ from_events: true, ip: 'drop', user_agent: 'drop' });
  });
  afterAll(async () => {
    expect(await server.stop()).toBe(0);
  });

  test.each(FAMILIES)('$name: both columns are empty', async (family) => {
    const row = await rowWhen(server, family, BOTH);
    expect(row).toMatchObject({ ip: '', user_agent: '' });
  });

  test('a field of the event itself is gone, one within an object stays as it was sent', async () => {
    const own = await rowWhen(server, OWN, BOTH);
    expect([at(own, 'context.ip'), at(own, 'context.user_agent')]).toEqual([undefined, undefined]);
    expect(at(await rowWhen(server, SERVER, BOTH), 'context.ip')).toBe(OWN_IP);
  });
});

/** Write keys in the configuration: each belongs to one app, and neither faults nor what is in effect show them. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { describeConfig } from '../../src/config/load.ts';
import { faultsOf, load } from './harness.ts';

describe('write keys', () => {
  const secret = 'hunter2-hunter2';
  const digest = `sha256:${createHash('sha256').update(secret).digest('hex')}`;

  test.each([
    `apps: ${secret}`,
    `apps: [${secret}]`,
    `apps: { web: ${secret} }`,
    `apps: [{ name: web, keys: ${secret} }]`,
    `apps: [{ name: web, keys: ["${secret} "] }]`,
    `apps: [{ name: web, keys: ["sha256:${secret}"] }]`,
    `apps: [{ name: web, key: ${secret} }]`,
    `apps: [{ name: web, keys: [${secret}, ${secret}] }]`,
    `apps: [{ name: web, keys: [${secret}] }, { name: ios, keys: ["${digest}"] }]`,
  ])('are not in the faults of %s', async (text) => {
    const faults = await faultsOf(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join('\n')).not.toContain('hunter2');
  });

  test('belong to one app, plain or as a digest', async () => {
    const text = `apps:\n  - { name: web, keys: [${secret}] }\n  - { name: ios, keys: ["${digest}"] }`;
    expect(await faultsOf(text)).toEqual([
      '3:25: apps[1].keys[0]: expected keys that stand once (the same stands in apps[0].keys[0]), got <hidden>',
    ]);
  });

  test('are hidden in the effective configuration', async () => {
    const config = await load(`apps: [{ name: web, keys: [${secret}, "sha256:${'0'.repeat(64)}"] }]`);
    expect(describeConfig(config)).toMatchObject({
      apps: [{ name: 'web', keys: ['<hidden>', '<hidden>'], origins: [] }],
    });
  });
});

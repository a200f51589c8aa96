/** `penstock keys ls|add|rm`: the registry of write keys in Redis, which all processes follow while they run. */
import { randomBytes } from 'node:crypto';
import { keyDigest } from './admission/apps.ts';
import { systemClock } from './clock.ts';
import { readCaFile } from './config/ca-file.ts';
import type { Config } from './config/config.ts';
import { redisAddress } from './redis/address.ts';
import { registryNames } from './redis/key-registry.ts';
import { RedisLink } from './redis/link.ts';
import { scripted } from './redis/scripts.ts';

/** Random bytes of a key that is made here: 43 characters of base64url. */
const KEY_BYTES = 32;
/** Hex digits by which a listed key is called. */
const SHORT_DIGEST = 12;
const CONNECT_MS = 5_000;
const POLL_MS = 10;

/** Lists keys, as text or as JSON. */
export function listKeys(config: Config, isJson: boolean): Promise<string> {
  return withRegistry(config, async (read) => {
    const { version, keys } = await read();
    if (isJson) {
      const all = keys.map(({ digest, app }) => ({ app, sha256: digest }));
      return `${JSON.stringify({ version, keys: all })}\n`;
    }
    if (keys.length === 0) return 'no keys in the registry\n';
    const width = Math.max(...keys.map(({ app }) => app.length));
    return keys
      .map(({ digest, app }) => `${app.padEnd(width)}  sha256:${digest.slice(0, SHORT_DIGEST)}…\n`)
      .join('');
  });
}

/** Adds a key of an app: `key`, or one that is made here. Gives what is printed: the key is shown this once. */
export function addKey(config: Config, app: string, key: string | undefined): Promise<string> {
  if (app === '' || Buffer.byteLength(app) > 128) throw new Error('an app has a name of 1 to 128 bytes');
  if (key !== undefined && !/^([\x21-\x7e]{1,256})$/.test(key))
    throw new Error('a key is 1 to 256 visible ASCII characters, or sha256: and 64 lower-case hex digits');
  if (key?.startsWith('sha256:') === true && !/^sha256:[0-9a-f]{64}$/.test(key))
    throw new Error('sha256: is followed by 64 lower-case hex digits');
  const made = key ?? randomBytes(KEY_BYTES).toString('base64url');
  const digest = keyDigest(made);
  const owner = config.apps.find(({ keys }) => keys.some((held) => keyDigest(held) === digest));
  if (owner !== undefined) throw new Error(`the configuration gives this key to ${owner.name} already`);
  return withRegistry(config, async (read, set) => {
    const held = (await read()).keys.find((one) => one.digest === digest);
    if (held !== undefined && held.app !== app)
      throw new Error(`this key belongs to ${held.app}; take it away first`);
    const version = await set(digest, app);
    if (version === 0) return `${app} has this key already\n`;
    return key === undefined ? `${made}\n` : `added, version ${version}\n`;
  });
}

/** Takes a key away, called by itself, by `sha256:` and its digest, or by the first digits of that as they are listed. */
export function removeKey(config: Config, name: string): Promise<string> {
  return withRegistry(config, async (read, set) => {
    const { keys } = await read();
    const short = name.startsWith('sha256:') ? name.slice('sha256:'.length).replace(/…$/, '') : undefined;
    const meant = keys.filter(({ digest }) =>
      short === undefined || !/^[0-9a-f]{12,64}$/.test(short)
        ? digest === keyDigest(name)
        : digest.startsWith(short),
    );
    const [key, another] = meant;
    if (key === undefined)
      throw new Error('the registry has no such key; keys of the configuration are not in it');
    if (another !== undefined) throw new Error('several keys begin so; give more digits');
    const version = await set(key.digest, '');
    return `taken away from ${key.app}, version ${version}\n`;
  });
}

interface Registry {
  readonly version: number;
  readonly keys: readonly { readonly digest: string; readonly app: string }[];
}

async function withRegistry(
  config: Config,
  run: (
    read: () => Promise<Registry>,
    set: (digest: string, app: string) => Promise<number>,
  ) => Promise<string>,
): Promise<string> {
  const address = redisAddress(config.redis, readCaFile(config.redis.caFile));
  if (address === undefined)
    throw new Error('the registry of keys is in Redis, and none is configured (REDIS_URL)');
  const names = registryNames(address.keyPrefix);
  const link = new RedisLink(address, {
    clock: systemClock,
    log: { info: () => {}, warn: () => {} },
    name: 'penstock-keys-command',
    hello: async (redis) => void (await redis.ping()),
  });
  try {
    const deadline = systemClock.monotonicMs() + CONNECT_MS;
    while (!link.isOpen && systemClock.monotonicMs() < deadline)
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!link.isOpen) throw new Error(`Redis cannot be reached: ${link.reason ?? 'no answer'}`);
    return await run(
      async () => {
        const [version = 0, ...pairs] = await link.call((redis) =>
          scripted(redis).penstockReadKeys(names.keys, names.version, -1),
        );
        const keys = Array.from({ length: pairs.length / 2 }, (_, at) => ({
          digest: String(pairs[2 * at]),
          app: String(pairs[2 * at + 1]),
        }));
        keys.sort((a, b) => (a.app < b.app ? -1 : a.app > b.app ? 1 : a.digest < b.digest ? -1 : 1));
        return { version: Number(version), keys };
      },
      (digest, app) =>
        link.call((redis) =>
          scripted(redis).penstockSetKey(names.keys, names.version, names.channel, digest, app),
        ),
    );
  } finally {
    link.stop();
  }
}

/**
 * What Redis does by itself, as scripts: one call does a slab's worth of work, at one moment, by Redis' own clock. Keys and
 * their layout stand in docs/redis.md. All keys of a call share a prefix and may be made up within the script, so one
 * Redis with its replicas is meant, no cluster.
 *
 * Ids come packed, 12 bytes each (dedup/findings.ts). struct.unpack gives 500 of them at once to the command behind it,
 * without a table of Lua; the place where it ended follows them as one more argument, a number below 100,000 as text. As a
 * member of a set it is no id, which has 12 bytes.
 */
import type { Redis } from 'ioredis';

const EACH_500 = `
local blob, all, call = ARGV[2], string.rep('c12', 500), redis.call
local count = #blob / 12
local function format(from) return count - from >= 500 and all or string.rep('c12', count - from) end`;

const BUCKET = `
local time = redis.call('TIME')
local bucket = math.floor((time[1] * 1000 + time[2] / 1000) / ARGV[1])
local function key(back) return KEYS[1] .. string.format('%.0f', bucket - back) end`;

/** Options of Redis.defineCommand by name. */
export const SCRIPTS = {
  /** KEYS: what names of buckets begin with. ARGV: ms of a bucket, ids. Gives the places, from 0, of ids that are known. */
  penstockLook: {
    numberOfKeys: 1,
    lua: `${EACH_500}${BUCKET}
local known = {}
for from = 0, count - 1, 500 do
  local isKnown = {}
  for back = 0, 1 do
    local found = call('SMISMEMBER', key(back), struct.unpack(format(from), blob, from * 12 + 1))
    for at = 1, math.min(500, count - from) do
      if found[at] == 1 and not isKnown[at] then
        isKnown[at] = true
        known[#known + 1] = from + at - 1
      end
    end
  end
end
table.sort(known)
return known`,
  },
  /** KEYS and ARGV as above. Makes the ids known; the first of a bucket gives up those that are over. */
  penstockTell: {
    numberOfKeys: 1,
    lua: `${EACH_500}${BUCKET}
local isNew = call('EXISTS', key(0)) == 0
for from = 0, count - 1, 500 do
  call('SADD', key(0), struct.unpack(format(from), blob, from * 12 + 1))
end
if isNew then
  call('PEXPIRE', key(0), 3 * ARGV[1])
  call('UNLINK', key(2), key(3))
end
return 0`,
  },
  /** KEYS: a counter's hash each. ARGV: its time to live in ms, then accepted, rejected and duplicates for each hash. */
  penstockCount: {
    lua: `
for at, key in ipairs(KEYS) do
  for field, name in ipairs({'accepted', 'rejected', 'duplicates'}) do
    local count = tonumber(ARGV[1 + 3 * (at - 1) + field])
    if count > 0 then redis.call('HINCRBY', key, name, count) end
  end
  redis.call('PEXPIRE', key, ARGV[1])
end
return 0`,
  },
  /**
   * KEYS: a bucket of tokens each. ARGV: rate a second, burst and tokens spent for each. Takes what was spent, which may
   * leave less than none, and gives for each how many thousandths of tokens are left.
   */
  penstockSpend: {
    lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local left = {}
for at, key in ipairs(KEYS) do
  local rate, burst, spent = tonumber(ARGV[3 * at - 2]), tonumber(ARGV[3 * at - 1]), tonumber(ARGV[3 * at])
  local held = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(held[1]) or burst
  local passed = math.max(0, now - (tonumber(held[2]) or now))
  tokens = math.min(burst, tokens + passed * rate / 1000) - spent
  redis.call('HSET', key, 'tokens', string.format('%.3f', tokens), 'at', string.format('%.0f', now))
  redis.call('PEXPIRE', key, math.ceil((burst - tokens) / rate * 1000) + 1000)
  left[at] = math.floor(tokens * 1000)
end
return left`,
  },
  /** KEYS: registry, its version. ARGV: channel, digest, app; an empty app takes the key away. Gives the version, 0 when nothing changed. */
  penstockSetKey: {
    numberOfKeys: 2,
    lua: `
if ARGV[3] == '' then
  if redis.call('HDEL', KEYS[1], ARGV[2]) == 0 then return 0 end
else
  if redis.call('HGET', KEYS[1], ARGV[2]) == ARGV[3] then return 0 end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
local version = redis.call('INCR', KEYS[2])
redis.call('PUBLISH', ARGV[1], version)
return version`,
  },
  /** KEYS: registry, its version. ARGV: the version that is known. Gives the version, then, if it is another one, digests and apps in turn. */
  penstockReadKeys: {
    numberOfKeys: 2,
    lua: `
local version = tonumber(redis.call('GET', KEYS[2]) or '0')
if version == tonumber(ARGV[1]) then return {version} end
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, version)
return all`,
  },
} as const;

type Argument = string | number | Uint8Array;

/** The scripts as methods of a client that has them (link.ts). Those without a fixed number of keys take it first. */
export interface ScriptedRedis {
  penstockLook(prefix: string, windowMs: number, ids: Uint8Array): Promise<number[]>;
  penstockTell(prefix: string, windowMs: number, ids: Uint8Array): Promise<number>;
  penstockCount(keyCount: number, ...keysAndArguments: Argument[]): Promise<number>;
  penstockSpend(keyCount: number, ...keysAndArguments: Argument[]): Promise<number[]>;
  penstockSetKey(
    registry: string,
    version: string,
    channel: string,
    digest: string,
    app: string,
  ): Promise<number>;
  penstockReadKeys(registry: string, version: string, known: number): Promise<(number | string)[]>;
}

/** The client with its scripts. */
export function scripted(redis: Redis): ScriptedRedis {
  return redis as unknown as ScriptedRedis;
}

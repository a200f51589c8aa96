/** Bounds of apps, keys and their rates, as src/limits.ts has those of all else; it gives these on. */

const MiB = 1024 * 1024;

/** Text of the table of apps and keys that threads share: some 50,000 keys of a registry. Memory that is not written is not taken. */
export const KEY_PAGE_TEXT_BYTES_MAX = 16 * MiB;
/** Apps that may have rates of their own, in open mode one; and keys, those taken away during the life of the process included: a word each. */
export const RATE_LIMITED_APPS_MAX = 16_384;
export const RATE_LIMITED_KEYS_MAX = 131_072;

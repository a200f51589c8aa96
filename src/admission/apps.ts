/**
 * Write keys and origins: which app a request belongs to, decided before a byte of its body is read.
 *
 * Keys are compared by their SHA-256: the digest of what a client sent is looked up in a table of digests, so the
 * time of a comparison says nothing about a key, and the configuration may hold digests instead of keys.
 */
import { hash, timingSafeEqual } from 'node:crypto';
import type { AppConfig } from '../config/config.ts';

/** Index of "no app": the event names it. */
export const OPEN_MODE = 0;
/** No app has the key that came. */
export const UNKNOWN_KEY = -1;

/** A key that an app has. */
export interface KnownKey {
  /** Index of the app. */
  readonly app: number;
  /** Its number, from 1; the same for the life of the process. 0 is no key at all. */
  readonly key: number;
}

interface HeldKey extends KnownKey {
  readonly digest: Buffer;
}

const OPEN: KnownKey = { app: OPEN_MODE, key: 0 };
const UNKNOWN: KnownKey = { app: UNKNOWN_KEY, key: 0 };

/** The configured apps by their keys; see the head of this file. */
export class Apps {
  /** Names by index; index 0 is open mode. */
  readonly names: readonly string[];
  readonly openMode: boolean;
  /** Whether any app lists origins, so that the header needs to be read. */
  readonly restrictsOrigins: boolean;
  /** By digest in hex, and by number. */
  readonly #keys = new Map<string, HeldKey>();
  readonly #byNumber = new Map<number, HeldKey>();
  readonly #origins: readonly (ReadonlySet<string> | undefined)[];

  /** `numbers` are those that keys have, by digest; others are numbered in order. Without an app anyone may send, unless `isOpen` says otherwise. */
  constructor(
    apps: readonly AppConfig[],
    numbers?: ReadonlyMap<string, number>,
    isOpen: boolean = apps.length === 0,
  ) {
    this.names = ['', ...apps.map((app) => app.name)];
    this.openMode = isOpen;
    this.restrictsOrigins = apps.some((app) => app.origins.length > 0);
    this.#origins = [
      undefined,
      ...apps.map((app) => (app.origins.length === 0 ? undefined : new Set(app.origins))),
    ];
    for (const [index, app] of apps.entries()) {
      for (const key of app.keys) {
        const hex = keyDigest(key);
        const number = numbers?.get(hex) ?? this.#keys.size + 1;
        const held = { digest: Buffer.from(hex, 'hex'), app: index + 1, key: number };
        this.#keys.set(hex, held);
        this.#byNumber.set(number, held);
      }
    }
  }

  /** The app of a key, OPEN_MODE when no app is configured, or UNKNOWN_KEY. */
  find(key: string): number {
    return this.match(key).app;
  }

  /** The same with the key's number. */
  match(key: string): KnownKey {
    if (this.openMode) return OPEN;
    if (key === '') return UNKNOWN;
    const hex = digestOf(key);
    const known = this.#keys.get(hex);
    return known !== undefined && timingSafeEqual(known.digest, Buffer.from(hex, 'hex')) ? known : UNKNOWN;
  }

  /** The app that has the key of that number, and its digest in hex; undefined when there is no such key any more. */
  keyOf(number: number): { readonly app: number; readonly digest: string } | undefined {
    const held = this.#byNumber.get(number);
    return held && { app: held.app, digest: held.digest.toString('hex') };
  }

  /** Numbers of all keys. */
  get keyNumbers(): Iterable<number> {
    return this.#byNumber.keys();
  }

  /** Whether a browser at `origin` may send for the app; requests without an Origin header are not from a browser. */
  allowsOrigin(app: number, origin: string): boolean {
    if (origin === '') return true;
    return this.#origins[app]?.has(origin) ?? true;
  }
}

/** The apps with digests instead of keys, for threads that look keys up without knowing them. */
export function digestedApps(apps: readonly AppConfig[]): AppConfig[] {
  return apps.map((app) => ({
    ...app,
    keys: app.keys.map((key) => `sha256:${keyDigest(key)}`),
  }));
}

/** The digest of a key in hex, of one that is written as its digest too. */
export function keyDigest(key: string): string {
  return key.startsWith('sha256:') ? key.slice(7).toLowerCase() : digestOf(key);
}

/** crypto.hash (one call, 3 times faster than a Hash object) came with Node 20.12; engines start at 20.19. */
function digestOf(key: string): string {
  return hash('sha256', key, 'hex');
}

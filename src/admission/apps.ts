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

interface KnownKey {
  readonly digest: Buffer;
  readonly app: number;
}

/** The configured apps by their keys; see the head of this file. */
export class Apps {
  /** Names by index; index 0 is open mode. */
  readonly names: readonly string[];
  readonly openMode: boolean;
  /** Whether any app lists origins, so that the header needs to be read. */
  readonly restrictsOrigins: boolean;
  readonly #keys = new Map<string, KnownKey>();
  readonly #origins: readonly (ReadonlySet<string> | undefined)[];

  constructor(apps: readonly AppConfig[]) {
    this.names = ['', ...apps.map((app) => app.name)];
    this.openMode = apps.length === 0;
    this.restrictsOrigins = apps.some((app) => app.origins.length > 0);
    this.#origins = [
      undefined,
      ...apps.map((app) => (app.origins.length === 0 ? undefined : new Set(app.origins))),
    ];
    for (const [index, app] of apps.entries()) {
      for (const key of app.keys) {
        const hex = key.startsWith('sha256:') ? key.slice(7).toLowerCase() : digestOf(key);
        this.#keys.set(hex, { digest: Buffer.from(hex, 'hex'), app: index + 1 });
      }
    }
  }

  /** The app of a key, OPEN_MODE when no app is configured, or UNKNOWN_KEY. */
  find(key: string): number {
    if (this.openMode) return OPEN_MODE;
    if (key === '') return UNKNOWN_KEY;
    const hex = digestOf(key);
    const known = this.#keys.get(hex);
    return known !== undefined && timingSafeEqual(known.digest, Buffer.from(hex, 'hex'))
      ? known.app
      : UNKNOWN_KEY;
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
    keys: app.keys.map((key) => (key.startsWith('sha256:') ? key : `sha256:${digestOf(key)}`)),
  }));
}

/** crypto.hash (one call, 3 times faster than a Hash object) came with Node 20.12; engines start at 20.19. */
function digestOf(key: string): string {
  return hash('sha256', key, 'hex');
}

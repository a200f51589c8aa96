/**
 * Which apps and keys there are: those of the configuration, and those of a registry that changes while the process runs
 * (redis/key-registry.ts). An app keeps its index and a key its number for the life of the process, so that frames which
 * are under way mean what they meant. Where both know a key the configuration's word counts.
 *
 * Anyone may send (open mode) only while no app is configured and no registry was ever used: one whose last key was taken
 * away lets nobody in.
 */
import type { AppConfig } from '../config/config.ts';
import { RATE_LIMITED_KEYS_MAX } from '../limits.ts';
import { Apps, digestedApps, keyDigest } from './apps.ts';
import type { KeyPage } from './key-page.ts';

/** What a registry says. */
export interface RegisteredKeys {
  /** Grows with each change; 0 when there never was a key. */
  readonly version: number;
  /** Apps by the digests of their keys, in hex. */
  readonly apps: ReadonlyMap<string, string>;
}

const NOTHING: RegisteredKeys = { version: 0, apps: new Map() };

export class KeyBook {
  readonly #configured: readonly AppConfig[];
  readonly #configuredKeys: ReadonlySet<string>;
  readonly #page: KeyPage;
  /** Names of apps that the registry alone knows, in the order of their indexes. */
  readonly #registered: string[] = [];
  readonly #numbers = new Map<string, number>();
  #apps: Apps;

  /** Begins with the keys of the configuration. */
  constructor(configured: readonly AppConfig[], page: KeyPage) {
    this.#configured = digestedApps(configured);
    this.#configuredKeys = new Set(this.#configured.flatMap(({ keys }) => keys.map(keyDigest)));
    this.#page = page;
    this.#apps = new Apps([]);
    this.apply(NOTHING);
  }

  /** Those of now. */
  get apps(): Apps {
    return this.#apps;
  }

  /** Takes over what the registry says. False, and nothing is changed, when it says more than there is room for. */
  apply({ version, apps: registered }: RegisteredKeys): boolean {
    const keysByApp = new Map<string, string[]>();
    for (const [digest, app] of registered) {
      if (this.#configuredKeys.has(digest)) continue;
      const keys = keysByApp.get(app);
      if (keys === undefined) keysByApp.set(app, [`sha256:${digest}`]);
      else keys.push(`sha256:${digest}`);
    }
    const known = new Set([...this.#configured.map(({ name }) => name), ...this.#registered]);
    const added = [...keysByApp.keys()].filter((name) => !known.has(name));
    const apps = [
      ...this.#configured.map((app) => ({
        ...app,
        keys: [...app.keys, ...(keysByApp.get(app.name) ?? [])],
      })),
      ...[...this.#registered, ...added].map((name) => ({
        name,
        keys: keysByApp.get(name) ?? [],
        origins: [],
      })),
    ];
    for (const { keys } of apps) for (const key of keys) this.#number(keyDigest(key));
    const isOpen = this.#configured.length === 0 && version === 0;
    const numbers = [...this.#numbers].filter(
      ([digest]) => this.#configuredKeys.has(digest) || registered.has(digest),
    );
    if (this.#numbers.size >= RATE_LIMITED_KEYS_MAX || !this.#page.write({ apps, numbers, isOpen }))
      return false;
    this.#registered.push(...added);
    this.#apps = new Apps(apps, this.#numbers, isOpen);
    return true;
  }

  #number(digest: string): void {
    if (!this.#numbers.has(digest)) this.#numbers.set(digest, this.#numbers.size + 1);
  }
}

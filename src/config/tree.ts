/** Trees of plain values, as YAML and the environment give them, on their way through the schema. */
import { type ConfigFault, describeValue } from './fault.ts';
import { fileSchema } from './schema.ts';

/** Where a key was written: what a fault says first. */
export type Place = Pick<ConfigFault, 'source' | 'path'>;

/** A tree after the schema looked at it: its faults, and what is left of it without them. */
export class CheckedTree {
  readonly faults: ConfigFault[] = [];
  /** The tree without its faulty keys; passes the schema. */
  readonly accepted: unknown;
  /** Sections, keys of sections, that were taken out: `http.port`, `apps`. */
  readonly setAside = new Set<string>();

  constructor(tree: unknown, place: (path: readonly PropertyKey[], isUnknownKey: boolean) => Place) {
    const result = fileSchema.safeParse(tree);
    if (result.success) {
      this.accepted = tree;
      return;
    }
    const accepted = structuredClone(tree);
    for (const issue of result.error.issues) {
      const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : [];
      for (const key of unknownKeys) {
        const path = [...issue.path, key];
        this.faults.push({ ...place(path, true), expected: issue.message, got: 'an unknown key' });
        deleteAt(accepted, path);
      }
      if (unknownKeys.length > 0) continue;
      const fault = {
        ...place(issue.path, false),
        expected: issue.message,
        got: describeValue(issue.path, valueAt(tree, issue.path)),
      };
      // A value can break several bounds of one key, which all have the same text.
      if (!this.faults.some((other) => other.path === fault.path && other.expected === fault.expected)) {
        this.faults.push(fault);
      }
      const path = issue.path[0] === 'apps' ? ['apps'] : issue.path.slice(0, 2);
      this.setAside.add(path.join('.'));
      deleteAt(accepted, path);
    }
    this.accepted = this.setAside.has('') ? undefined : accepted;
  }
}

/** `over` wins, key by key, two levels deep as the file is; lists are replaced. */
export function mergeTrees(under: unknown, over: unknown): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...(under as object | undefined) };
  for (const [key, value] of Object.entries((over as object | undefined) ?? {})) {
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value);
    merged[key] = isSection ? { ...(merged[key] as object | undefined), ...value } : value;
  }
  return merged;
}

/** The value at `path`, undefined when there is none. */
export function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function deleteAt(tree: unknown, path: readonly PropertyKey[]): void {
  const parent = valueAt(tree, path.slice(0, -1));
  const last = path.at(-1);
  if (typeof parent === 'object' && parent !== null && last !== undefined) {
    delete (parent as Record<PropertyKey, unknown>)[last];
  }
}

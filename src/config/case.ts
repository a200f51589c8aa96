/** Between the file's snake_case keys and the code's camelCase ones, over whole trees; values are untouched. */

type CamelKey<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelKey<Tail>>}`
  : Key;

/** The type of a tree whose keys were turned by `camelTree`. */
export type CamelTree<Tree> = Tree extends readonly (infer Item)[]
  ? readonly CamelTree<Item>[]
  : Tree extends object
    ? { readonly [Key in keyof Tree & string as CamelKey<Key>]: CamelTree<Tree[Key]> }
    : Tree;

/** A COPY with camelCase keys. */
export function camelTree<Tree>(tree: Tree): CamelTree<Tree> {
  return mapKeys(tree, (key) =>
    key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase()),
  ) as CamelTree<Tree>;
}

/** A COPY with snake_case keys. */
export function snakeTree(tree: unknown): unknown {
  return mapKeys(tree, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function mapKeys(tree: unknown, rename: (key: string) => string): unknown {
  if (Array.isArray(tree)) return tree.map((item) => mapKeys(item, rename));
  if (typeof tree !== 'object' || tree === null) return tree;
  return Object.fromEntries(
    Object.entries(tree).map(([key, value]) => [rename(key), mapKeys(value, rename)]),
  );
}

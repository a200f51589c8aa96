import type { KeyValue, QueueStorage } from './platform.ts';

/** No storage: a queue that ends with its page or process. */
export function memoryStorage(): QueueStorage {
  const nothing = () => {};
  return {
    isPersistent: false,
    open: () => ({ head: 1, texts: [], session: undefined }),
    append: nothing,
    removeTo: nothing,
    saveSession: nothing,
    close: nothing,
  };
}

/** Texts that end with the page or process. */
export function memoryKeyValue(): KeyValue {
  const values = new Map<string, string>();
  return {
    get: (name) => values.get(name),
    set: (name, value) => {
      if (value === undefined) values.delete(name);
      else values.set(name, value);
    },
  };
}

/** Entry of the store process. Its options come as one JSON argument from src/sinks/embedded/store-process.ts. */
import { runStore } from '../src/sinks/embedded/store/run-store.ts';
import type { StoreProcessOptions } from '../src/sinks/embedded/store/store-options.ts';

await runStore(JSON.parse(process.argv[2] ?? '') as StoreProcessOptions);

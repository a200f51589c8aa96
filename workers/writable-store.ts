/** Entry of the process behind `penstock store --writable`. Its options come as one JSON line in an environment variable. */
import {
  runWritableStore,
  type WritableStoreOptions,
} from '../src/sinks/embedded/store/writable/run-writable-store.ts';

await runWritableStore(JSON.parse(process.env['PENSTOCK_WRITABLE_STORE'] ?? '') as WritableStoreOptions);

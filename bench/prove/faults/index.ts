import type { Fault } from '../fault.ts';
import { clockBack } from './clock.ts';
import { diskError, diskFull, syncError } from './disk.ts';
import { kill, terminate, terminateTwice } from './process.ts';
import { storeDown, storeHang, storeKill, storeSlow, storeTimeout } from './store.ts';
import { workerCrash } from './worker.ts';

/** All faults beside load, in the order of the table. */
export const FAULTS: readonly Fault[] = [
  kill,
  terminate,
  terminateTwice,
  workerCrash,
  storeKill,
  storeDown,
  storeHang,
  storeTimeout,
  storeSlow,
  diskFull,
  diskError,
  syncError,
  clockBack,
];

// A thread of test/metrics/statistics.test.ts: raises the first and the last word of its traffic by one, group by group.
import { parentPort, workerData } from 'node:worker_threads';
import { ThreadStatistics, TRAFFIC_START } from '../../dist/src/metrics/statistics.js';

const { memory, stop } = workerData;
const statistics = new ThreadStatistics(memory, 1);
const isStopped = new Int32Array(stop);
let groups = 0;
while (Atomics.load(isStopped, 0) === 0) {
  statistics.begin();
  statistics.words[TRAFFIC_START] += 1;
  for (let n = 0; n < 20; n++) statistics.add('activeMs', 1);
  statistics.words[TRAFFIC_START + 7] += 1;
  statistics.end();
  groups += 1;
  // Between groups a reader finds its turn, as it does between slabs.
  if (groups % 1_000 === 0) Atomics.wait(isStopped, 0, 0, 1);
}
parentPort.postMessage(groups);

// A thread of test/metrics/statistics.test.ts: raises the first and the last word of its traffic by one, group by group.
import { parentPort, workerData } from 'node:worker_threads';
import { ThreadStatistics, TRAFFIC_START } from '../../dist/src/metrics/statistics.js';

const { memory, groups } = workerData;
const statistics = new ThreadStatistics(memory, 1);
for (let group = 0; group < groups; group++) {
  statistics.begin();
  statistics.words[TRAFFIC_START] += 1;
  for (let n = 0; n < 20; n++) statistics.add('activeMs', 1);
  statistics.words[TRAFFIC_START + 7] += 1;
  statistics.end();
  // On one core the reader would see nothing but the end.
  if (group % 20_000 === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}
parentPort.postMessage('done');

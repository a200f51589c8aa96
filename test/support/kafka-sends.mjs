// A worker thread that sends blocks of one event through many targets of one sink, all at once. Plain JavaScript: it
// runs dist, as the workers do.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../dist/src/clock.js';
import { openKafkaSink } from '../../dist/src/sinks/kafka/kafka-sink.js';

const { options, lines } = workerData;
const logger = { info() {}, warn() {}, error() {} };
const sink = await openKafkaSink(options, { clock: systemClock, logger, putAside() {} });
const outcomes = await Promise.all(
  lines.map(async (line, index) => {
    const target = sink.events();
    const block = target.begin();
    block.add(Buffer.from(line), 1);
    for (let tries = 0; tries < 100; tries++) {
      const outcome = await target.send(`block-${index}`, block, new AbortController().signal);
      if (outcome !== 'retry') return outcome;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return 'never';
  }),
);
sink.close();
parentPort.postMessage(outcomes);

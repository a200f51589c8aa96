// A thread of test/dedup/threads.test.ts: offers the same ids as the other one, in slabs, and says which were new.
import { parentPort, workerData } from 'node:worker_threads';
import { createFindings } from '../../dist/src/dedup/findings.js';
import { createNativeWindow } from '../../dist/src/dedup/native.js';
import { createReferenceWindow } from '../../dist/src/dedup/reference.js';
import { createScanOutput, RECORD_WORDS, RecordWord } from '../../dist/src/scan/contract.js';

const { name, memory, flags, slabs, slabEvents, number } = workerData;
const window = name === 'native' ? createNativeWindow(memory) : createReferenceWindow(memory);
const findings = createFindings();
const output = createScanOutput();
/** Word of an id: 1 once its event is kept by anybody. Looked at before the window is asked. */
const kept = new Int32Array(flags);
const isNew = new Int32Array(slabs * slabEvents);
const droppedTooEarly = [];

for (let slab = 0; slab < slabs; slab++) {
  output.lineBytes = 0;
  for (let row = 0; row < slabEvents; row++) {
    const line = `{"event_id":"id-${slab * slabEvents + row}","event_type":"t","app_id":"a"}\n`;
    output.records[row * RECORD_WORDS + RecordWord.lineOffset] = output.lineBytes;
    output.records[row * RECORD_WORDS + RecordWord.lineLength] = line.length;
    output.lineBytes += output.lines.write(line, output.lineBytes, 'latin1');
  }
  output.recordCount = slabEvents;
  window.find(output, new Uint8Array(0), 1_000, findings);
  for (const row of findings.repeats.subarray(0, findings.repeatCount)) {
    if (Atomics.load(kept, slab * slabEvents + row) === 0) droppedTooEarly.push(slab * slabEvents + row);
    isNew[slab * slabEvents + row] = -1;
  }
  for (let row = 0; row < slabEvents; row++) {
    const id = slab * slabEvents + row;
    if (isNew[id] === -1) continue;
    isNew[id] = 1;
    // Here the journal takes the event.
    Atomics.store(kept, id, 1);
  }
  window.remember(findings.fresh, findings.freshCount, 1_000);
}
parentPort.postMessage({
  number,
  news: isNew.reduce((sum, one) => sum + (one === 1 ? 1 : 0), 0),
  droppedTooEarly,
});

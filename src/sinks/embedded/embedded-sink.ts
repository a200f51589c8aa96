/** The embedded store as a sink of one worker thread. */
import type { WorkerSink } from '../sink.ts';
import { createEmbeddedTarget, type EmbeddedTarget, type EmbeddedTargetOptions } from './embedded-target.ts';

export interface EmbeddedSinkOptions extends Omit<EmbeddedTargetOptions, 'stream'> {
  readonly flushIntervalMs: number;
}

/** A sink whose targets write block files for the store's process. */
export function createEmbeddedSink(options: EmbeddedSinkOptions): WorkerSink {
  const targets: EmbeddedTarget[] = [];
  const make = (stream: EmbeddedTargetOptions['stream']) => {
    const target = createEmbeddedTarget({ ...options, stream });
    targets.push(target);
    return target;
  };
  return {
    events: () => make('events'),
    rejected: () => make('rejected'),
    blockBytesMax: options.blockBytesMax,
    flushIntervalMs: options.flushIntervalMs,
    refusedRows: () => targets.reduce((sum, target) => sum + target.refusedRows(), 0),
    writeFailures: () => targets.reduce((sum, target) => sum + target.writeFailures(), 0),
  };
}

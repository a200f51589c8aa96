/**
 * The end of the process: stop accepting, finish what is in flight, flush the sinks, stop the store, exit 0. All of
 * it within `drainTimeoutMs`; what could not be delivered by then is said in the log and the exit code is 1.
 */
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { Logger } from './log.ts';

/** What there is to end, in the order of the flow. */
export interface Drainable {
  /** Closes the listening socket and marks the front as draining. */
  stopAccepting(): void;
  /** Closes WebSocket connections as their messages are acknowledged. */
  closeConnections(): void;
  readonly dispatcher: Dispatcher;
  readonly workers: WorkerPool;
  stopStore(): Promise<void>;
  /** Ends what is left of the front: sockets, timers. */
  stopFront(): void;
}

/** Share of the timeout for requests in flight; the sinks get the rest. */
const IN_FLIGHT_SHARE = 0.4;

/** Ends everything; resolves with what was left behind, empty when all went well. */
export async function drain(
  parts: Drainable,
  timeoutMs: number,
  clock: Clock,
  log: Logger,
): Promise<string[]> {
  const deadline = clock.monotonicMs() + timeoutMs;
  const left: string[] = [];
  parts.stopAccepting();
  parts.closeConnections();
  log.info({ framesInFlight: parts.dispatcher.framesInFlight }, 'draining');
  if (!(await within(parts.dispatcher.settled(), timeoutMs * IN_FLIGHT_SHARE))) {
    left.push(`${parts.dispatcher.framesInFlight} requests without an answer`);
  }
  const remainingMs = Math.max(1, Math.floor(deadline - clock.monotonicMs()));
  left.push(...(await parts.workers.control.drain(parts.workers.workerCount, remainingMs)));
  parts.stopFront();
  await parts.workers.stop();
  await parts.stopStore();
  return left;
}

async function within(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs);
  });
  try {
    return await Promise.race([work.then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

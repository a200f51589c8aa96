/**
 * The end of the process: stop accepting, finish what is in flight, flush the sinks, stop the store, exit 0. All of
 * it within `drainTimeoutMs`; what the sinks did not take by then stays in the journal. Requests without an answer, events
 * that are in memory only and threads that do not answer are said in the log, and the exit code is 1.
 */
import type { Clock } from './clock.ts';
import type { Dispatcher } from './dispatch/dispatcher.ts';
import type { WorkerPool } from './dispatch/worker-pool.ts';
import type { InFlight } from './in-flight.ts';
import { DRAIN_IN_FLIGHT_SHARE, DRAIN_SINKS_SHARE } from './limits.ts';
import type { Logger } from './log.ts';

/** What there is to end, in the order of the flow. */
export interface Drainable {
  /** Closes the listening socket and marks the front as draining. */
  stopAccepting(): void;
  /** Closes WebSocket connections as their messages are acknowledged. */
  closeConnections(): void;
  /** Answers what waits for the sinks with what is reached. */
  endAckWaiters(): void;
  readonly exchanges: InFlight;
  readonly dispatcher: Dispatcher;
  /** From now on every request is refused, also one whose body was on its way. */
  refuseAll(): void;
  readonly workers: WorkerPool;
  stopStore(timeoutMs: number): Promise<void>;
  /** Ends what is left of the front: sockets, timers. */
  stopFront(): void;
}

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
  parts.endAckWaiters();
  log.info({ requests: parts.exchanges.count, frames: parts.dispatcher.framesInFlight }, 'draining');
  const inFlight = parts.exchanges.settled().then(() => parts.dispatcher.settled());
  if (!(await within(inFlight, timeoutMs * DRAIN_IN_FLIGHT_SHARE))) {
    left.push(`${parts.exchanges.count} requests without an answer`);
  }
  // From here on an answer could promise what no sink takes any more.
  parts.refuseAll();
  left.push(...(await parts.workers.drain(Math.floor(timeoutMs * DRAIN_SINKS_SHARE))));
  parts.stopFront();
  await parts.workers.stop();
  await parts.stopStore(Math.max(0, Math.floor(deadline - clock.monotonicMs())));
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

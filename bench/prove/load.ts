/** The load process as the harness sees it (client/main.ts). */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { FromLoad, LoadOptions, LoadReport, ToLoad } from './client/messages.ts';
import { timeout, within } from './waiting.ts';

const ENTRY = fileURLToPath(new URL('./client/main.js', import.meta.url));
const POLL_MS = 5;

export class Load {
  readonly #settleMs: number;
  readonly #child: ChildProcess;
  readonly #report: Promise<LoadReport>;
  #acknowledged = 0;
  #lastAckAt = 0;
  #endedEarly = false;

  constructor(options: LoadOptions) {
    this.#settleMs = options.settleMs;
    this.#child = fork(ENTRY, [JSON.stringify(options)], { serialization: 'advanced' });
    this.#report = new Promise((resolve, reject) => {
      this.#child.on('message', (message: FromLoad) => {
        if (message.type === 'report') resolve(message);
        else {
          this.#acknowledged = message.acknowledged;
          this.#lastAckAt = message.lastAckAt;
        }
      });
      this.#child.once('exit', (code, signal) => {
        this.#endedEarly = true;
        reject(new Error(`the load process ended with ${signal ?? code}`));
      });
    });
    this.#report.catch(() => {});
  }

  /** Events acknowledged so far, as last told. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Whether something was acknowledged after `at` (steadyNow) within the time. */
  async acksAfter(at: number, timeoutMs: number): Promise<boolean> {
    return within(timeoutMs, POLL_MS, () => {
      if (this.#endedEarly) throw new Error('the load process is gone');
      return this.#lastAckAt > at;
    });
  }

  /** Ends the load when all that was sent is acknowledged; gives what it has seen. */
  async stop(): Promise<LoadReport> {
    this.#child.send({ type: 'stop' } satisfies ToLoad);
    return Promise.race([this.#report, timeout(this.#settleMs + 10_000, 'the load process does not report')]);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

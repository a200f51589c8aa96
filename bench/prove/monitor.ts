/** Looks at a running server some times a second: health, memory, and how far delivery is behind. */
import { residentMiB } from '../process.ts';
import type { Appliance } from './appliance.ts';
import { steadyNow } from './client/messages.ts';
import { lawFault } from './law.ts';
import { sumOf } from './scrape.ts';
import { sleep } from './waiting.ts';

const INTERVAL_MS = 100;
/** A live server on a busy machine answers in milliseconds; a blocked one does not answer in this time. */
const HEALTH_TIMEOUT_MS = 3_000;

export class Monitor {
  residentMiBMax = 0;
  /** Times at which a server that lived did not answer /health with 200. */
  healthFailures = 0;
  healthAnswers = 0;
  /** Rows in the journal that the store does not have, as last seen. */
  waitingRows = 0;
  waitingRowsMax = 0;
  /** steadyNow of that. */
  seenAt = 0;
  /** Scrapes whose counters did not add up, and how. */
  readonly lawFaults: string[] = [];
  readonly #appliance: Appliance;
  #isStopped = false;
  readonly #loop: Promise<void>;

  constructor(appliance: Appliance) {
    this.#appliance = appliance;
    this.#loop = this.#run();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      if (this.#appliance.isUp) await this.#look();
      await sleep(INTERVAL_MS);
    }
  }

  async #look(): Promise<void> {
    const { life, url, pid } = this.#appliance;
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) }).catch(
      () => undefined,
    );
    // One that was told to end meanwhile owes no answer.
    if (!this.#appliance.isUp || this.#appliance.life !== life) return;
    if (answer?.ok === true) this.healthAnswers += 1;
    else this.healthFailures += 1;
    const metrics = (await this.#appliance.metrics()) ?? '';
    const rows = sumOf(metrics, 'penstock_journal_rows');
    const fault = lawFault(metrics, false);
    if (fault !== undefined) this.lawFaults.push(fault);
    if (rows !== undefined) {
      this.waitingRows = rows;
      this.waitingRowsMax = Math.max(this.waitingRowsMax, rows);
      this.seenAt = steadyNow();
    }
    try {
      this.residentMiBMax = Math.max(this.residentMiBMax, residentMiB(pid));
    } catch {
      // It ended meanwhile.
    }
  }
}

/**
 * One fault beside load: a server, clients that never give up, the strikes, and in the end every acknowledged event
 * looked for in the store.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../corpus.ts';
import { freePort } from '../free-port.ts';
import { median, percentile } from '../statistics.ts';
import { Appliance } from './appliance.ts';
import { withCleanup } from './cleanup.ts';
import { type LoadReport, steadyNow } from './client/messages.ts';
import { type Count, countEvents } from './count.ts';
import type { Extent, Fault, FaultResult, Prepared, Site } from './fault.ts';
import { lawFault } from './law.ts';
import { Load } from './load.ts';
import { Monitor } from './monitor.ts';
import { sleep, within } from './waiting.ts';

export interface RunOptions {
  readonly seed: number;
  readonly extent: Extent;
  /** Strikes, when not the fault's own number. */
  readonly times?: number;
  readonly progress: (text: string) => void;
}

/** Events a second of the usual load: with several servers' work on two cores the store still keeps up. */
const EVENTS_PER_SECOND = 20_000;
const CLIENTS = { connections: 6, eventsPerBatch: 100, streams: 2, eventsPerMessage: 10 };
/** Budget of events in memory, a quarter of the product's default, so that a leak of a few hundred MB is seen. */
const MEMORY_MAX_BYTES = 64 * 1024 * 1024;
/** What a process has beside that budget: code, the heaps of its threads, encoders, remembered ids. */
const RESIDENT_BASE_MIB = 320;
export const RESIDENT_MIB_MAX = MEMORY_MAX_BYTES / 1024 / 1024 + RESIDENT_BASE_MIB;
/** Small segments, so that a run of seconds fills, hands over and deletes many. */
const CONFIG = {
  workers: 2,
  log: { level: 'info' },
  memory: { max_bytes: MEMORY_MAX_BYTES },
  journal: { segment_bytes: 2 * 1024 * 1024 },
  limits: { body_bytes_max: 10_000_000 },
};
const RECOVERY_MS_MAX = 60_000;
const CAUGHT_UP_MS_MAX = 120_000;
const DELIVERED_MS_MAX = 300_000;
const SETTLE_MS = 30_000;
/** Strikes of a long run come in rounds; between two, the store catches up. */
const ROUND_STRIKES = 50;

/** Proves one fault. Never rejects: what goes wrong is a problem of the result. */
export async function runFault(fault: Fault, options: RunOptions): Promise<FaultResult> {
  const startedAt = performance.now();
  const unavailable = fault.unavailable?.();
  const run = new Run(fault, options);
  await withCleanup(
    () => run.clear(),
    async () => {
      try {
        if (unavailable === undefined) await run.go();
      } catch (error) {
        run.problem(error instanceof Error ? error.message : String(error));
        await run.describeServer();
      }
    },
  );
  return run.result(unavailable, (performance.now() - startedAt) / 1000);
}

class Run {
  readonly #fault: Fault;
  readonly #options: RunOptions;
  readonly #folder: string;
  readonly #random: () => number;
  readonly #strikeMs: number;
  readonly #times: number;
  readonly #rate: number;
  readonly #problems: string[] = [];
  readonly #recoveriesMs: number[] = [];
  #struck = 0;
  #firstStrikeAt = 0;
  #wellAt = 0;
  #caughtUpMs: number | undefined;
  #appliance: Appliance | undefined;
  #prepared: Prepared | undefined;
  #load: Load | undefined;
  #monitor: Monitor | undefined;
  #report: LoadReport | undefined;
  #count: Count | undefined;

  constructor(fault: Fault, options: RunOptions) {
    this.#fault = fault;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'penstock-prove-'));
    const next = createRandom(options.seed);
    this.#random = () => next() / 2 ** 32;
    this.#strikeMs = fault.strikeMs?.[options.extent] ?? 0;
    this.#times = options.times ?? fault.times[options.extent];
    this.#rate = fault.rate ?? EVENTS_PER_SECOND;
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  async go(): Promise<void> {
    const fault = this.#fault;
    this.#say('starting');
    const prepared = fault.prepare(this.#folder, this.#random);
    this.#prepared = prepared;
    const appliance = new Appliance({
      folder: this.#folder,
      port: await freePort(),
      config: mergeConfig(CONFIG, fault.config ?? {}),
      env: prepared.env ?? {},
      ...(fault.main === undefined ? {} : { main: fault.main }),
    });
    this.#appliance = appliance;
    await appliance.start();
    await appliance.ready();
    const site = this.#site(appliance);
    await prepared.attach?.(site);
    const monitor = new Monitor(appliance);
    this.#monitor = monitor;
    const load = this.#startLoad(appliance);
    this.#load = load;
    if (!(await load.acksAfter(0, RECOVERY_MS_MAX)))
      throw new Error('nothing is acknowledged before the first strike');
    await sleep(this.#options.extent === 'short' ? 400 : 2_000);
    await this.#strikeAgainAndAgain(prepared, site, load, monitor);
    const missed = prepared.missed?.(site);
    if (missed !== undefined) this.problem(missed);
    await this.#countAll(appliance, load);
    await this.#checkLaw(appliance);
    await monitor.stop();
    const ended = await this.#end(appliance);
    if (ended !== 0) this.problem(`SIGTERM at the end: ended with ${ended}`);
  }

  /** What the server says of itself, when it is not as it should be. */
  async describeServer(): Promise<void> {
    const appliance = this.#appliance;
    if (appliance === undefined) return;
    const ready = await fetch(`${appliance.url}/ready`)
      .then((answer) => answer.text())
      .catch((error: Error) => error.message);
    this.problem(`/ready: ${ready}`);
    for (const line of appliance.logs.filter(({ level }) => level !== 'info').slice(-8))
      this.problem(`log: ${JSON.stringify(line).slice(0, 1_200)}`);
  }

  /** Ends and removes whatever there is; called in any case. */
  async clear(): Promise<void> {
    this.#load?.kill();
    await this.#appliance?.kill();
    await this.#monitor?.stop();
    try {
      await this.#prepared?.undo?.();
    } catch (error) {
      this.problem(`the fault could not be taken away: ${String(error)}`);
    }
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  result(unavailable: string | undefined, seconds: number): FaultResult {
    const { name, title, mayRepeat } = this.#fault;
    const monitor = this.#monitor;
    if (monitor !== undefined) {
      if (monitor.healthFailures > 0)
        this.problem(`/health failed ${monitor.healthFailures} times (${monitor.healthAnswers} answers)`);
      if (monitor.lawFaults.length > 0)
        this.problem(
          `the counters did not add up ${monitor.lawFaults.length} times, first ${monitor.lawFaults[0]}`,
        );
      if (monitor.residentMiBMax > RESIDENT_MIB_MAX)
        this.problem(`${monitor.residentMiBMax.toFixed(0)} MiB resident, over ${RESIDENT_MIB_MAX}`);
    }
    const problems = [...this.#problems, ...(this.#report?.problems ?? []), ...(this.#count?.problems ?? [])];
    if (mayRepeat === undefined) problems.push(...(this.#count?.repeats ?? []));
    const { ackAt = [], ackMs = [] } = this.#report ?? {};
    const during = Array.from(ackMs).filter((_, index) => {
      const at = ackAt[index] ?? 0;
      return at >= this.#firstStrikeAt && at <= this.#wellAt;
    });
    return {
      name,
      title,
      status: unavailable !== undefined ? 'skipped' : problems.length > 0 ? 'failed' : 'passed',
      note: unavailable ?? (mayRepeat === undefined ? '' : `may stand twice: ${mayRepeat}`),
      seed: this.#options.seed,
      times: this.#struck,
      strikeMs: this.#strikeMs,
      eventsPerSecond: this.#rate,
      acknowledged: this.#count?.acknowledged ?? 0,
      lost: this.#count?.lost ?? 0,
      duplicated: this.#count?.duplicated ?? 0,
      resent: this.#report?.resentEvents ?? 0,
      p99Ms: during.length === 0 ? undefined : percentile(during, 0.99),
      recoveryMs:
        this.#recoveriesMs.length === 0
          ? undefined
          : { median: median(this.#recoveriesMs), max: Math.max(...this.#recoveriesMs) },
      caughtUpMs: this.#caughtUpMs,
      waitingRowsMax: monitor?.waitingRowsMax ?? 0,
      residentMiBMax: monitor?.residentMiBMax ?? 0,
      refusals: this.#report?.refusals ?? {},
      problems,
      seconds,
    };
  }

  async #strikeAgainAndAgain(prepared: Prepared, site: Site, load: Load, monitor: Monitor): Promise<void> {
    // A second of load waits at most while the store keeps up.
    const usualRows = Math.max(2 * monitor.waitingRowsMax, this.#rate);
    this.#firstStrikeAt = steadyNow();
    let endedAt = this.#firstStrikeAt;
    for (let n = 0; n < this.#times; n++) {
      this.#say(
        `strike ${n + 1} of ${this.#times}, ${load.acknowledged.toLocaleString('en-US')} acknowledged`,
      );
      this.#struck += 1;
      endedAt = (await prepared.strike(site)) ?? steadyNow();
      if (!(await load.acksAfter(endedAt, RECOVERY_MS_MAX)))
        throw new Error(`nothing is acknowledged within ${RECOVERY_MS_MAX} ms after strike ${n + 1}`);
      this.#recoveriesMs.push(steadyNow() - endedAt);
      if (n + 1 < this.#times) await sleep(50 + this.#random() * 400);
      if ((n + 1) % ROUND_STRIKES === 0) await this.#caughtUp(monitor, usualRows);
    }
    this.#say('waiting until the store has caught up');
    if (await this.#caughtUp(monitor, usualRows)) this.#caughtUpMs = Math.max(0, monitor.seenAt - endedAt);
    else this.problem(`the store has not caught up after ${CAUGHT_UP_MS_MAX} ms`);
    this.#wellAt = steadyNow();
  }

  #caughtUp(monitor: Monitor, usualRows: number): Promise<boolean> {
    const from = steadyNow();
    return within(CAUGHT_UP_MS_MAX, 50, () => monitor.seenAt > from && monitor.waitingRows <= usualRows);
  }

  async #countAll(appliance: Appliance, load: Load): Promise<void> {
    this.#say('waiting for the last answers');
    this.#report = await load.stop();
    this.#say('waiting until everything is delivered');
    await appliance.ready();
    if (!(await appliance.delivered(DELIVERED_MS_MAX)))
      this.problem(`not everything is delivered after ${DELIVERED_MS_MAX} ms`);
    this.#say('counting');
    this.#count = await countEvents((sql) => appliance.query(sql), this.#prefix, this.#report.clients);
  }

  /** Of this life of the server, and with nothing in flight: every client has its answers. */
  async #checkLaw(appliance: Appliance): Promise<void> {
    const fault = lawFault((await appliance.metrics()) ?? '', true);
    if (fault !== undefined) this.problem(`the counters do not add up: ${fault}`);
  }

  async #end(appliance: Appliance): Promise<number | string> {
    appliance.signal('SIGTERM');
    return appliance.exited(30_000);
  }

  get #prefix(): string {
    return `p${this.#options.seed}`;
  }

  #startLoad(appliance: Appliance): Load {
    return new Load({
      host: '127.0.0.1',
      port: appliance.port,
      prefix: this.#prefix,
      ...CLIENTS,
      rate: this.#rate,
      settleMs: SETTLE_MS,
    });
  }

  #site(appliance: Appliance): Site {
    return {
      appliance,
      random: this.#random,
      strikeMs: this.#strikeMs,
      now: steadyNow,
      problem: (text) => this.problem(text),
    };
  }

  #say(text: string): void {
    this.#options.progress(`${this.#fault.name}: ${text}`);
  }
}

type Sections = Readonly<Record<string, unknown>>;

/** Sections of both; a key of `over` wins. */
function mergeConfig(base: Sections, over: Sections): Sections {
  const merged: Record<string, unknown> = { ...base };
  for (const [name, section] of Object.entries(over)) {
    const below = base[name];
    merged[name] =
      typeof below === 'object' && typeof section === 'object' ? { ...below, ...section } : section;
  }
  return merged;
}

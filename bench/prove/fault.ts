/** What a fault is, and what proving it gives. */
import type { Appliance } from './appliance.ts';

/** How much of it: a few seconds for CI, what docs/reliability.md shows, or hours. */
export type Extent = 'short' | 'default' | 'long';
export type ByExtent = Readonly<Record<Extent, number>>;

/** Where a fault works: a server under load. */
export interface Site {
  readonly appliance: Appliance;
  /** A number from 0 up to 1, from the seed. */
  readonly random: () => number;
  /** Milliseconds that a strike lasts; a fault without `strikeMs` has none. */
  readonly strikeMs: number;
  /** steadyNow. */
  readonly now: () => number;
  /** Something that must not be; the fault has failed. */
  readonly problem: (text: string) => void;
}

/** A fault that strikes while load goes on. */
export interface Fault {
  readonly name: string;
  /** What breaks, for the table. */
  readonly title: string;
  /** How often it strikes. */
  readonly times: ByExtent;
  /** How long one strike lasts, for those that last. */
  readonly strikeMs?: ByExtent;
  /** Events a second of the load, when not the usual. */
  readonly rate?: number;
  /** Sections of the configuration over the harness's own. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Module to start in place of the product's own. */
  readonly main?: string;
  /** Why events may stand twice in this one; undefined when they may not. */
  readonly mayRepeat?: string;
  /** Why this machine cannot have it; undefined when it can. */
  unavailable?(): string | undefined;
  /** Before the first start, with the folder of this run, which is removed behind it. What it makes elsewhere, `undo` takes away. */
  prepare(folder: string, random: () => number): Prepared;
}

/** What a fault has made ready for one server. */
export interface Prepared {
  /** Variables for the server. */
  readonly env?: Readonly<Record<string, string>>;
  /** When the server is ready and has no load yet. */
  attach?(site: Site): Promise<void>;
  /** Breaks it and lets it go again; the server runs, or starts, when it resolves. Gives steadyNow of the fault's end when that was earlier. */
  strike(site: Site): Promise<number | undefined>;
  /** After the last strike: whether it has really struck, in words when not. */
  missed?(site: Site): string | undefined;
  undo?(): Promise<void> | void;
}

/** A row of the table. */
export interface FaultResult {
  readonly name: string;
  readonly title: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  /** Why it was skipped, or what is allowed in it; else empty. */
  readonly note: string;
  readonly seed: number;
  readonly times: number;
  readonly strikeMs: number;
  readonly eventsPerSecond: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly resent: number;
  /** Of answers that acknowledged, from the first strike until all was well after the last; undefined when there were none. */
  readonly p99Ms: number | undefined;
  /** From the end of each strike to the first acknowledgement: the middle one and the longest. */
  readonly recoveryMs: { readonly median: number; readonly max: number } | undefined;
  /** From the end of the last strike until the store is as close behind as before the first. */
  readonly caughtUpMs: number | undefined;
  readonly waitingRowsMax: number;
  readonly residentMiBMax: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
  readonly seconds: number;
}

/**
 * A model of what the consumer stands between, for tests: partitions of a topic, the coordinator's offsets with their fence, and
 * a ClickHouse that drops tokens that it knows. All of them fail as the real ones do: requests that are lost, answers that are
 * lost, and requests that arrive after whoever sent them was given up.
 */
import type { CommitOutcome, Place, Progress } from '../../src/consume/contract.ts';
import { formatMetadata, placeName } from '../../src/consume/contract.ts';
import type { Letter } from '../../src/consume/letter.ts';
import { type RawBatch, splitBatches } from '../../src/consume/raw-batch.ts';
import { composeBatch, composeRecord } from '../../src/sinks/kafka/compose-batch.ts';
import { NO_PRODUCER, sealBatch } from '../../src/sinks/kafka/record-batch.ts';
import type { BlockBuilder, BlockTarget, SendOutcome } from '../../src/sinks/sink.ts';

/** The canonical line of an event, without its newline. */
export function canonicalLine(id: string): string {
  return (
    `{"event_id":"${id}","event_type":"t","app_id":"shop","device_id":"d","timestamp":"2026-11-20T00:00:00.000Z",` +
    '"event_data":{"n":1},"context":{},"ip":"203.0.113.7","user_agent":"","received_at":"2026-11-20T00:00:00.000Z",' +
    '"dialect":"penstock","transport":"http"}'
  );
}

/** A sealed batch of values, undefined for a tombstone, that stands at `baseOffset`. */
export function batchOf(values: readonly (string | undefined)[], baseOffset = 0): Buffer {
  const batch = composeBatch(
    values.map((value) => composeRecord(1000, value === undefined ? undefined : Buffer.from(value), [])),
  );
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  sealBatch(batch, NO_PRODUCER);
  return batch;
}

/** What the model may do wrong, in a hundred requests. */
export interface ModelFaults {
  percent: number;
}

export class ModelTopic {
  readonly batches: { readonly baseOffset: number; readonly bytes: Buffer }[] = [];
  endOffset = 0;

  append(values: readonly (string | undefined)[]): void {
    this.batches.push({ baseOffset: this.endOffset, bytes: batchOf(values, this.endOffset) });
    this.endOffset += values.length;
  }

  /** At most `count` whole batches from the one that holds `offset` on. */
  fetch(offset: number, count: number): RawBatch[] {
    const from = this.batches.findLastIndex(({ baseOffset }) => baseOffset <= offset);
    const bytes = Buffer.concat(
      this.batches.slice(Math.max(0, from), from + count).map((batch) => batch.bytes),
    );
    return splitBatches(bytes, [], false);
  }
}

/** The group's coordinator: commits count for the generation that is current when they arrive. */
export class ModelCoordinator {
  readonly offsets = new Map<string, { readonly offset: number; readonly metadata: string }>();
  generation = 0;
  readonly #random: () => number;
  readonly #faults: ModelFaults;
  /** Commits that are on their way still. */
  #late: (() => void)[] = [];

  constructor(random: () => number, faults: ModelFaults) {
    this.#random = random;
    this.#faults = faults;
  }

  async commit(generation: number, entry: Place & Progress): Promise<CommitOutcome> {
    await turn();
    const apply = () => {
      if (generation !== this.generation) return false;
      this.offsets.set(placeName(entry), { offset: entry.offset, metadata: formatMetadata(entry) });
      return true;
    };
    const fate = this.#random() * 100;
    if (fate >= this.#faults.percent) return apply() ? 'committed' : 'lost';
    if (fate < this.#faults.percent / 3) return 'lost';
    if (fate < (this.#faults.percent * 2) / 3) apply();
    else this.#late.push(apply);
    return 'lost';
  }

  /** Commits that were late arrive. */
  arrive(): void {
    for (const apply of this.#late.splice(0)) apply();
  }
}

/** Lines that gather for the model's ClickHouse. */
class ModelBlock implements BlockBuilder {
  readonly lines: string[] = [];
  bytes = 0;

  get rows(): number {
    return this.lines.length;
  }

  add(payload: Uint8Array): void {
    this.bytes += payload.length;
    this.lines.push(...Buffer.from(payload).toString().split('\n').slice(0, -1));
  }

  release(): void {}
}

export class ModelClickHouse {
  /** Copies by event. */
  readonly rows = new Map<string, number>();
  readonly tokens = new Set<string>();
  /** An event whose row is refused. */
  readonly isRefused: (id: string) => boolean;
  readonly #random: () => number;
  readonly #faults: ModelFaults;
  #late: (() => void)[] = [];

  constructor(random: () => number, faults: ModelFaults, isRefused: (id: string) => boolean) {
    this.#random = random;
    this.#faults = faults;
    this.isRefused = isRefused;
  }

  /** `alive` is false when whoever sends was killed: then what it sends next does not leave. */
  target(alive: () => boolean, tokenOf: (token: string) => string = (token) => token): BlockTarget {
    return {
      name: 'model',
      begin: () => new ModelBlock(),
      send: async (token, block) => {
        await turn();
        if (!alive()) return new Promise<never>(() => {});
        return this.#take(tokenOf(token), (block as ModelBlock).lines);
      },
    };
  }

  /** Inserts that were late arrive. */
  arrive(): void {
    for (const insert of this.#late.splice(0)) insert();
  }

  #take(token: string, lines: readonly string[]): SendOutcome {
    const ids = lines.map((line) => String((JSON.parse(line) as { event_id: string }).event_id));
    const insert = (): SendOutcome => {
      if (ids.some((id) => this.isRefused(id))) return 'refused';
      if (this.tokens.has(token)) return 'delivered';
      this.tokens.add(token);
      for (const id of ids) this.rows.set(id, (this.rows.get(id) ?? 0) + 1);
      return 'delivered';
    };
    const fate = this.#random() * 100;
    if (fate >= this.#faults.percent) return insert();
    if (fate < this.#faults.percent / 3) return 'retry';
    if (fate < (this.#faults.percent * 2) / 3) insert();
    else this.#late.push(insert);
    return 'retry';
  }
}

/** A dead-letter topic. */
export class ModelLetters {
  readonly letters: Letter[] = [];
}

/** Lets everything else that is ready run. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

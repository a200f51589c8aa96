/** A target in the test's own process that keeps lines by token, as a table with deduplication does, and can be away. */
import { expect } from 'vitest';
import type { BlockBuilder, BlockTarget, SendOutcome } from '../../src/sinks/sink.ts';

/** A block of whole lines. */
export class Lines implements BlockBuilder {
  readonly lines: string[] = [];
  bytes = 0;
  get rows(): number {
    return this.lines.length;
  }
  add(payload: Uint8Array, rows: number): void {
    const found = Buffer.from(payload).toString().split('\n').slice(0, -1);
    expect(found.length).toBe(rows);
    this.lines.push(...found);
    this.bytes += payload.length;
  }
  release(): void {
    this.lines.length = 0;
    this.bytes = 0;
  }
}

export class LineTarget implements BlockTarget {
  readonly name: string;
  /** Lines by token, in the order in which they came. */
  readonly stored = new Map<string, string[]>();
  /** Every send, the failed ones too. */
  readonly tokens: string[] = [];
  /** What a send does before it is answered; `retry` keeps nothing. */
  answer: (signal: AbortSignal) => Promise<SendOutcome> = async () => 'delivered';
  onStored: (lines: readonly string[]) => void = () => {};

  constructor(name: string) {
    this.name = name;
  }

  begin(): Lines {
    return new Lines();
  }

  async send(token: string, block: BlockBuilder, signal: AbortSignal): Promise<SendOutcome> {
    this.tokens.push(token);
    const outcome = await this.answer(signal);
    if (outcome !== 'delivered' || this.stored.has(token)) return outcome;
    const lines = [...(block as Lines).lines];
    this.stored.set(token, lines);
    this.onStored(lines);
    return outcome;
  }

  get lines(): string[] {
    return [...this.stored.values()].flat();
  }
}

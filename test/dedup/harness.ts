/** Canonical lines and windows for tests of the dedup window. */
import { createFindings, type DedupWindow } from '../../src/dedup/findings.ts';
import { createWindowMemory } from '../../src/dedup/layout.ts';
import { createNativeWindow } from '../../src/dedup/native.ts';
import { createReferenceWindow } from '../../src/dedup/reference.ts';
import { createScanOutput, RECORD_WORDS, RecordWord, type ScanOutput } from '../../src/scan/contract.ts';

/** As a scanner writes it, as far as the window reads it. */
export function lineOf(eventId: string, appId = 'shop'): string {
  return `{"event_id":${JSON.stringify(eventId)},"event_type":"t","app_id":${JSON.stringify(appId)},"device_id":"d"}\n`;
}

/** What a scan of these lines gives. */
export function outputOf(lines: readonly string[]): ScanOutput {
  const output = createScanOutput();
  output.records = new Uint32Array(Math.max(1, lines.length) * RECORD_WORDS);
  for (const [row, line] of lines.entries()) {
    output.records[row * RECORD_WORDS + RecordWord.lineOffset] = output.lineBytes;
    output.records[row * RECORD_WORDS + RecordWord.lineLength] = Buffer.byteLength(line);
    output.lineBytes += output.lines.write(line, output.lineBytes);
  }
  output.recordCount = lines.length;
  return output;
}

export const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);
export const NO_SUFFIX = new Uint8Array(0);

export const WINDOWS = {
  native: (memory: SharedArrayBuffer): DedupWindow => {
    const window = createNativeWindow(memory);
    if (window === undefined) throw new Error('the addon is not built: npm run build');
    return window;
  },
  reference: createReferenceWindow,
} as const;

/** A window of its own memory, driven by ids. */
export class IdWindow {
  readonly memory: SharedArrayBuffer;
  readonly #window: DedupWindow;
  readonly #findings = createFindings();

  constructor(
    open: (memory: SharedArrayBuffer) => DedupWindow,
    idsMax: number,
    windowMs: number,
    memory?: SharedArrayBuffer,
  ) {
    this.memory = memory ?? createWindowMemory(idsMax, windowMs, KEY);
    this.#window = open(this.memory);
  }

  /** Rows of the ids that are repeats; the others are remembered when `keeps`. */
  offer(ids: readonly string[], nowMs: number, keeps = true): number[] {
    const findings = this.#findings;
    this.#window.find(outputOf(ids.map((id) => lineOf(id))), NO_SUFFIX, nowMs, findings);
    if (keeps) this.#window.remember(findings.fresh, findings.freshCount, nowMs);
    return [...findings.repeats.subarray(0, findings.repeatCount)];
  }

  rememberLines(ids: readonly string[], nowMs: number): number {
    return this.#window.rememberLines(Buffer.from(ids.map((id) => lineOf(id)).join('')), nowMs);
  }
}

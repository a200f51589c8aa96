/** What a test has seen of a client. */
export interface SdkResult {
  readonly sdk: string;
  readonly version: string;
  readonly license: string;
  readonly mode: string;
  readonly runtime: 'Node' | 'Chromium';
  readonly events: number;
  readonly refused: number;
  readonly encodings: readonly string[];
  readonly paths: readonly string[];
}
export const PAGE: string;
export function rowOf(result: SdkResult): string;
export function rowsOfPage(): string[];
export function pageWith(rows: readonly string[]): string;

/** What a run is doing, on stderr: one line that is written over on a terminal, lines elsewhere. */

/** Shows `text`; the empty one clears the line. */
export function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (text !== '') process.stderr.write(`${text}\n`);
}

/** A table in Markdown. */
export function formatMarkdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('');
}

const BEGIN = '<!-- figures: npm run bench:cost -- --write -->';
const END = '<!-- end of figures -->';

/** `page` with `figures` between its marks. Throws when it has none. */
export function replaceFigures(page: string, figures: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the page has no ${BEGIN} … ${END}`);
  return `${page.slice(0, from + BEGIN.length)}\n${figures.trim()}\n${page.slice(to)}`;
}

/** A run as one page that needs nothing beside it: machine, tables, charts, and every round as JSON. */

export interface Page {
  readonly title: string;
  readonly machine: string;
  readonly warning: string | undefined;
  /** Text in columns, as the terminal shows it. */
  readonly texts: readonly string[];
  readonly charts: Readonly<Record<string, string>>;
  readonly json: string;
}

/** The page's text. */
export function formatPage({ title, machine, warning, texts, charts, json }: Page): string {
  const figures = Object.entries(charts).map(
    ([name, svg]) => `<figure id="${escapeHtml(name)}">${svg}</figure>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px; padding: 0 1rem; color: #222; }
  pre { font: 12px/1.45 ui-monospace, monospace; overflow-x: auto; background: #f6f6f4; padding: .8rem; }
  figure { margin: 1.5rem 0; overflow-x: auto; }
  .warning { border-left: 4px solid #d55e00; padding-left: .8rem; }
</style>
<h1>${escapeHtml(title)}</h1>
<pre>${escapeHtml(machine)}</pre>
${warning === undefined ? '' : `<p class="warning">${escapeHtml(warning)}</p>`}
${figures.join('\n')}
${texts.map((text) => `<pre>${escapeHtml(text)}</pre>`).join('\n')}
<details><summary>Every round</summary><pre>${escapeHtml(json)}</pre></details>
</html>
`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

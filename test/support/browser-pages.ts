/**
 * Pages of a shop, served on this machine, that have an SDK's own browser build in them: `/` loads it, `/thanks` does so
 * too when it is told to, else it is a page without scripts. The SDK comes bundled from its npm package, as an app's own
 * bundler would do it, with the few lines of test/browser/ that call it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

export interface Pages {
  /** Origin, without a slash at its end. */
  readonly url: string;
  close(): Promise<void>;
}

export interface PageOptions {
  /** Name of the script in test/browser/. */
  readonly script: string;
  /** Whether the second page has the SDK as well. */
  readonly isEverywhere: boolean;
  /** What the script finds as `PENSTOCK`. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Serves the pages on a free port. */
export async function servePages({ script, isEverywhere, settings }: PageOptions): Promise<Pages> {
  const code = await bundle(script);
  const withSdk = `<script>PENSTOCK = ${JSON.stringify(settings)};</script><script src="/sdk.js"></script>`;
  const page = (title: string, scripts: string) =>
    `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>${title}</title>${scripts}<h1>${title}</h1>`;
  const files: Record<string, readonly [type: string, text: string]> = {
    '/': ['text/html', page('Größe ü', withSdk)],
    '/thanks': ['text/html', page('Danke', isEverywhere ? withSdk : '')],
    '/sdk.js': ['text/javascript', code],
  };
  const server = createServer((request, response) => {
    const [type, text] = files[request.url?.split('?')[0] ?? ''] ?? [];
    response.writeHead(type === undefined ? 404 : 200, { 'content-type': type ?? 'text/plain' });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function bundle(script: string): Promise<string> {
  const built = await rolldown({
    input: fileURLToPath(new URL(`../browser/${script}.mjs`, import.meta.url)),
    platform: 'browser',
    // SDKs have their own habits.
    onLog: () => {},
    transform: { define: { 'process.env.NODE_ENV': '"production"' } },
  });
  try {
    const { output } = await built.generate({ format: 'iife', codeSplitting: false } as object);
    return output[0].code;
  } finally {
    await built.close();
  }
}

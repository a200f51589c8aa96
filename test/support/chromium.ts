/** A real browser for tests: Debian's Chromium, without a window, which talks to nobody but this machine. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PROGRAM = '/usr/bin/chromium';

/** Whether there is one; tests without it are skipped, `skipped: no chromium`. */
export const HAS_CHROMIUM = existsSync(PROGRAM);

/** Starts a Chromium with a profile of its own in a new folder. `close()` ends it and removes the folder. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: PROGRAM,
    args: [
      '--no-sandbox',
      '--headless',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-quic',
      // Names lead nowhere: a page that asks for more than this machine has fails at once, and is seen to.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

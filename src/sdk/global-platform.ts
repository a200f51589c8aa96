/** The parts of a platform that browsers, Node and workers have in common. */
import type { Options } from './options.ts';
import type { Fetch, Platform, SocketClass } from './platform.ts';

/** From the globals of this place; what `options` names goes first. */
export function globalPlatform(
  options: Options,
): Pick<Platform, 'socket' | 'fetch' | 'nowMs' | 'after' | 'random'> {
  const { WebSocket: globalSocket } = globalThis as { WebSocket?: unknown };
  return {
    socket: (options.webSocket ?? globalSocket) as SocketClass | undefined,
    // Looked up at each call: pages and tests replace it.
    fetch: (url, init) => (fetch as unknown as Fetch)(url, init),
    nowMs: () => Date.now(),
    after: (delayMs, act, isAwaited = false) => {
      const timer: unknown = setTimeout(act, delayMs);
      // Node's timers are objects, and would keep the process alive.
      if (!isAwaited && typeof timer === 'object') (timer as { unref?(): void }).unref?.();
      return () => clearTimeout(timer as number);
    },
    random: (bytes) => crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>),
  };
}

/**
 * The addon of native/, which scripts/native.mjs builds; it may be missing. What it exports stands at the top of
 * native/addon.cpp; each binding names the functions that it takes.
 */
import { createRequire } from 'node:module';

/** Beside the compiled modules; and from src/, where tests run, in what was built last. */
const PLACES = ['../native/scanner.node', '../dist/native/scanner.node'];

/** The addon as a binding knows it, or undefined where it is not built or not for this machine. */
export function loadNativeAddon<Functions>(): Functions | undefined {
  const require = createRequire(import.meta.url);
  for (const place of PLACES) {
    try {
      return require(place) as Functions;
    } catch {
      // The fallback in TypeScript serves, and the start says so.
    }
  }
  return undefined;
}

/**
 * How the JavaScript heap of the front's thread is kept. Every request and every WebSocket message makes a few objects that
 * are dead when its callback returns, and an ArrayBuffer over memory that uWebSockets owns and V8 counts as its own.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * Arguments of node, wherever we start it (package.json, Dockerfile, bench): young objects get twice 2 MiB. V8's own 16
 * MiB are 25 MiB of resident memory that hold nothing but the dead; scavenging more often costs nothing that can be
 * measured, since next to nothing survives. V8 takes this at its start only; without it the process works as well.
 */
export const NODE_ARGUMENTS = ['--max-semi-space-size=2'] as const;

/** Per cent by which the old heap may grow between two of its collections. */
const OLD_HEAP_GROWTH_PERCENT = 400;

/**
 * Has the old heap collected when there is something to collect. By the bytes of messages, which are long gone, V8 thinks
 * that a heap of 14 MiB is full, and marked it 5 times a second under 0.6 M messages/s: a seventh of all processor time.
 */
export function collectOldHeapRarely(): void {
  setFlagsFromString(`--heap-growing-percent=${OLD_HEAP_GROWTH_PERCENT}`);
}

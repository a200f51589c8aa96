/**
 * What an answer means: where the event stands when it leaves. `memory`: in the process; `journal`: in the journal,
 * where it survives the end of the process; `fsync`: there, and a power failure; `delivered`: every sink has it.
 */
import type { HttpRequest } from 'uWebSockets.js';
import type { Config } from '../config/config.ts';
import type { Reason } from '../outcome.ts';
import { Want } from '../slab/layout.ts';

/** From the least promise to the greatest. */
const LEVELS = ['memory', 'journal', 'fsync', 'delivered'] as const;
const OF_DURABILITY = { memory: 'memory', os: 'journal', fsync: 'fsync' } as const;

export type AckLevel = (typeof LEVELS)[number];

/** What every answer under this durability means at least. */
export function ackLevel(durability: Config['journal']['durability']): AckLevel {
  return OF_DURABILITY[durability];
}

/** The level that the head of a request asks for; empty when it does not. `ack` may be a field of an event in the query. */
export function readLevel(request: HttpRequest, isEventInQuery = false): string {
  return request.getHeader('penstock-ack') || (!isEventInQuery && request.getQuery('ack')) || '';
}

/**
 * The level that a request gets: the one it asked for (empty: none) or the configured one, whichever promises more;
 * or the reason for which it is refused.
 */
export function grantLevel(asked: string, configured: AckLevel): AckLevel | { refused: Reason } {
  if (asked === '') return configured;
  const level = LEVELS.find((known) => known === asked.toLowerCase());
  if (level === undefined) return { refused: 'unknown_ack_level' };
  if (LEVELS.indexOf(level) <= LEVELS.indexOf(configured)) return configured;
  // Its fallback would be no promise at all, and a sync of memory is none either.
  return configured === 'memory' ? { refused: 'ack_level_unavailable' } : level;
}

/** What a frame that asks for `level` wants of its slab. */
export function wantsOf(level: AckLevel): number {
  return level === 'fsync' ? Want.place | Want.sync : Want.place;
}

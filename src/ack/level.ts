/**
 * What an answer means: where the event stands when it leaves. `memory`: in the process; `journal`: in the journal,
 * where it survives the end of the process; `fsync`: there, and a power failure.
 */
import type { Config } from '../config/config.ts';

const LEVELS = { memory: 'memory', os: 'journal', fsync: 'fsync' } as const;

export type AckLevel = (typeof LEVELS)[keyof typeof LEVELS];

/** The level of every answer under this durability. */
export function ackLevel(durability: Config['journal']['durability']): AckLevel {
  return LEVELS[durability];
}

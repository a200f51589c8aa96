/**
 * Which type the object columns of a data directory have. The configuration decides only when the tables are made; from
 * then on the store process notes what they have, so that blocks are encoded for what is there.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OBJECT_TYPE_FILE } from './protocol.ts';

export type ObjectType = 'JSON' | 'String';

/**
 * The noted type; `configured` where the tables are still to be made; undefined for tables whose type nobody noted,
 * which a Penstock before this file made. Lines fit those whatever they are.
 */
export function knownObjectType(storeDir: string, configured: ObjectType): ObjectType | undefined {
  try {
    const noted = readFileSync(join(storeDir, OBJECT_TYPE_FILE), 'utf8');
    return noted === 'JSON' || noted === 'String' ? noted : undefined;
  } catch {
    return existsSync(join(storeDir, 'engine')) ? undefined : configured;
  }
}

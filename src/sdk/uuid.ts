import type { Platform } from './platform.ts';

/** UUIDs of version 7 (RFC 9562 §5.7): 48 bits of time, 74 of chance. */
export function createUuid({ nowMs, random }: Pick<Platform, 'nowMs' | 'random'>): string {
  const bytes = random(new Uint8Array(16));
  for (let at = 5, rest = nowMs(); at >= 0; at--, rest = Math.floor(rest / 256)) bytes[at] = rest % 256;
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Who sends: the device, the person, the visit. Remembered where the place remembers, and shared by all pages of an app. */
import { parseMembers } from './json.ts';
import { VISIT_IDLE_MS } from './limits.ts';
import type { Platform } from './platform.ts';
import { createUuid } from './uuid.ts';

const DEVICE = 'device';
const USER = 'user';
const VISIT = 'visit';

/** A visit: what happened without a pause of VISIT_IDLE_MS. */
interface Visit {
  readonly id: string;
  readonly atMs: number;
  readonly campaign: Record<string, string> | undefined;
}

/** Columns of an event that say who. */
export interface Who {
  readonly device_id: string;
  readonly user_id: string | undefined;
  readonly session_id?: string;
  readonly attribution?: Record<string, string> | undefined;
}

/** See the head of this file. */
export interface Identity {
  /** Of an event now; it goes on with the visit, or begins one. */
  who(): Who;
  /** From now on events are this person's. */
  identify(userId: string): void;
  /** Forgets the person; the next event has a new device and a new visit. */
  reset(): void;
}

/** The identity of this place; `device` where the caller knows better. */
export function openIdentity(platform: Platform, device: string | undefined): Identity {
  const { keyValue, surroundings, nowMs } = platform;
  let user: string | undefined;

  /** A campaign in the page's address stays with the visit: the next pages' addresses have it no more. */
  const visit = (): Visit => {
    let { id, atMs = 0, campaign } = parseMembers<Visit>(keyValue.get(VISIT));
    if (Math.abs(nowMs() - atMs) > VISIT_IDLE_MS) id = campaign = undefined;
    const now = {
      id: id ?? createUuid(platform),
      atMs: nowMs(),
      campaign: surroundings.campaign() ?? campaign,
    };
    keyValue.set(VISIT, JSON.stringify(now));
    return now;
  };

  return {
    who: () => {
      let deviceId = device ?? keyValue.get(DEVICE);
      if (deviceId === undefined) {
        deviceId = createUuid(platform);
        keyValue.set(DEVICE, deviceId);
      }
      if (!surroundings.hasVisits) return { device_id: deviceId, user_id: user };
      const { id, campaign } = visit();
      // Another page may have heard who it is, or that he has left.
      return { device_id: deviceId, user_id: keyValue.get(USER), session_id: id, attribution: campaign };
    },
    identify: (userId) => {
      user = userId;
      if (surroundings.hasVisits) keyValue.set(USER, userId);
    },
    reset: () => {
      device = user = undefined;
      for (const name of [DEVICE, USER, VISIT]) keyValue.set(name, undefined);
    },
  };
}

/**
 * A dialect's table compiled: what the scanners follow, without a name in it but the bytes of keys, so that a
 * scanner in any language can run it.
 *
 * Slots. Every distinct path of the table has one; whatever reads the path reads its slot. Slots below
 * `eventSlotCount` belong to the event, those from there on to the envelope around it, and stay empty where there
 * is none. The nodes are a trie of the keys that lead to slots.
 *
 * Guards are numbered, and what depends on some of them names them as the bits of a word: it applies when all of
 * these hold.
 */
import type { Shape } from './dialect.ts';

/** One key of an object that the program looks at. */
export interface ProgramKey {
  readonly bytes: Uint8Array;
  /** Slot that takes the value, or -1. */
  readonly slot: number;
  /** Node whose keys are looked for inside the value when it is an object, or -1. */
  readonly node: number;
  /** An array under it holds the events of an envelope. */
  readonly isEnvelope: boolean;
}

export interface ProgramSlot {
  /** The column that is called like the path's last key, or -1. */
  readonly namedColumn: number;
  /** Its value goes neither to the rest column nor into an event from the envelope. */
  readonly isSecret: boolean;
  /** It may fill app_id. */
  readonly isAppSource: boolean;
}

/** What a value is compared with: the unescaped bytes of a text, or the spelling of a number or word of JSON. */
export interface ProgramLiteral {
  readonly isText: boolean;
  readonly bytes: Uint8Array;
}

export interface ProgramGuard {
  readonly slot: number;
  readonly literals: readonly ProgramLiteral[];
  /** It holds when the value is none of the literals, instead of when it is one. */
  readonly isNegated: boolean;
  /** An absent value is one of the literals: the route gives the path a text that is. */
  readonly matchesAbsent: boolean;
}

export interface ProgramSource {
  /** Slot that is looked at, or -1 for a constant. */
  readonly slot: number;
  /** The guards that must hold, as bits. */
  readonly guards: number;
  /** JSON text of a constant, else empty. */
  readonly constant: Uint8Array;
  /** Raw bytes with which a text must begin, and which are then cut off; or with which none may begin; or empty. */
  readonly after: Uint8Array;
  readonly unless: Uint8Array;
  /** A time that is not corrected by sentAt. */
  readonly isExact: boolean;
}

/** A pattern of keys: the bytes of one, or those with which they begin. */
export interface ProgramPattern {
  readonly bytes: Uint8Array;
  readonly isPrefix: boolean;
}

export interface ProgramPart {
  readonly slot: number;
  readonly guards: number;
  /** The members of the value instead of the value itself. */
  readonly isEach: boolean;
  /** Takes all of the value, so that its own field of the event's root need not go to the rest column. */
  readonly usesUp: boolean;
  /** Key of a member, or what stands before the keys of each; bytes that JSON does not escape. */
  readonly key: Uint8Array;
  /** Of `each`: keys that are taken (none is all), values that are not, and keys that get another name. */
  readonly patterns: readonly ProgramPattern[];
  readonly dropped: readonly ProgramLiteral[];
  readonly renames: readonly { readonly from: Uint8Array; readonly to: Uint8Array }[];
}

export interface ProgramColumn {
  /** Best first; none for a composed column and for one that the dialect never fills. */
  readonly sources: readonly ProgramSource[];
  /** The column is composed of `parts[partStart]` to `parts[partEnd - 1]`, in that order; equal when it is not. */
  readonly partStart: number;
  readonly partEnd: number;
  /** Two keys of the parts can be the same. */
  readonly mayCollide: boolean;
}

/** A slot that may hold an event's own address or user agent, and the guards that must hold, as bits. */
export interface ProgramClaim {
  readonly slot: number;
  readonly guards: number;
}

export interface ProgramRequirement {
  /** One of these must be there … */
  readonly columns: readonly number[];
  /** … else this slot is named as missing; -1 names none. */
  readonly slot: number;
}

export interface Program {
  readonly dialect: string;
  readonly shape: Shape;
  /**
   * Sources and claims without conditions only, each path for one of them and of the event itself, nothing composed,
   * corrected or hidden: the shortest way through a scanner.
   */
  readonly isPlain: boolean;
  readonly isLenient: boolean;
  /** Events a batch when more than the setup's, else 0. */
  readonly batchEventsMax: number;
  /** Node 0 is the event's root. */
  readonly nodes: readonly (readonly ProgramKey[])[];
  /** Node of the root of an envelope. */
  readonly envelopeNode: number;
  readonly slots: readonly ProgramSlot[];
  /** Paths by slot: what `field` says in answers and in events_rejected. */
  readonly fields: readonly string[];
  readonly eventSlotCount: number;
  /** At most as many as a word has bits. */
  readonly guards: readonly ProgramGuard[];
  /** By column of CLIENT_COLUMNS. */
  readonly columns: readonly ProgramColumn[];
  /** At most as many as a word has bits. */
  readonly parts: readonly ProgramPart[];
  /** Slots of the client's own time of sending, best first. */
  readonly sentAtSlots: readonly number[];
  /** The guards under which `ip` and `user_agent` are those of the connection, as bits. */
  readonly directGuards: number;
  /** Where the event's own ones stand, best first; none where events do not say so. Together at most PROGRAM_CLAIMS_MAX. */
  readonly ipClaims: readonly ProgramClaim[];
  readonly userAgentClaims: readonly ProgramClaim[];
  /** Column that takes top-level fields which no path names. */
  readonly restColumn: number;
  readonly required: readonly ProgramRequirement[];
}

/** The conditions of a table, numbered as bits, and the literals that values are compared with. */
import { PROGRAM_GUARDS_MAX, PROGRAM_LITERALS_MAX } from '../limits.ts';
import { contradiction } from './contradiction.ts';
import type { Guard, Guards, Literal } from './dialect.ts';
import type { ProgramGuard, ProgramLiteral } from './program.ts';

/** Conditions as a list. */
export function guardsOf(guards: Guards | undefined): readonly Guard[] {
  if (guards === undefined) return [];
  return 'path' in guards ? [guards] : guards;
}

/** A literal as scanners compare it. Numbers must be written as JSON writes them. */
export function compileLiteral(literal: Literal | null): ProgramLiteral {
  if (typeof literal === 'string') return { isText: true, bytes: Buffer.from(literal) };
  return { isText: false, bytes: Buffer.from(String(literal)) };
}

/** Collects the guards of one program; equal ones share a bit. */
export class GuardList {
  readonly guards: ProgramGuard[] = [];
  readonly #dialect: string;
  readonly #slotOf: (path: string) => number;
  readonly #defaults: Readonly<Record<string, string>>;
  readonly #bits = new Map<string, number>();
  #literalCount = 0;

  /** `defaults` are the texts that the route gives to paths which the event does not fill. */
  constructor(dialect: string, slotOf: (path: string) => number, defaults: Readonly<Record<string, string>>) {
    this.#dialect = dialect;
    this.#slotOf = slotOf;
    this.#defaults = defaults;
  }

  /** The bits of these conditions. */
  add(guards: Guards | undefined): number {
    let bits = 0;
    for (const guard of guardsOf(guards)) bits |= this.#bitOf(guard);
    return bits;
  }

  /** Counts texts that are compared with, over all of the program. */
  countLiterals(path: string, count: number): void {
    this.#literalCount += count;
    if (this.#literalCount > PROGRAM_LITERALS_MAX) {
      throw contradiction(
        this.#dialect,
        path,
        `brings more than ${PROGRAM_LITERALS_MAX} texts to compare with`,
      );
    }
  }

  #bitOf(guard: Guard): number {
    const name = JSON.stringify([guard.path, guard.is, guard.isNot]);
    const known = this.#bits.get(name);
    if (known !== undefined) return known;
    const literals = guard.is ?? guard.isNot ?? [];
    if ((guard.is === undefined) === (guard.isNot === undefined) || literals.length === 0) {
      throw contradiction(this.#dialect, guard.path, 'a guard says `is` or `isNot`, and of what');
    }
    const bad = literals.find((literal) => typeof literal === 'number' && !Number.isFinite(literal));
    if (bad !== undefined) throw contradiction(this.#dialect, guard.path, `no body holds ${bad}`);
    if (this.guards.length === PROGRAM_GUARDS_MAX) {
      throw contradiction(this.#dialect, guard.path, `has one of more than ${PROGRAM_GUARDS_MAX} guards`);
    }
    this.countLiterals(guard.path, literals.length);
    const standIn = this.#defaults[guard.path];
    const bit = 1 << this.guards.length;
    this.guards.push({
      slot: this.#slotOf(guard.path),
      literals: literals.map(compileLiteral),
      isNegated: guard.is === undefined,
      matchesAbsent: standIn !== undefined && literals.includes(standIn),
    });
    this.#bits.set(name, bit);
    return bit;
  }
}

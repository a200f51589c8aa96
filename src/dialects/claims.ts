/** Where events say their own address and user agent: the claims of a table. */
import { PROGRAM_CLAIMS_MAX } from '../limits.ts';
import { contradiction } from './contradiction.ts';
import type { Dialect, Guards } from './dialect.ts';
import { type GuardList, guardsOf } from './guards.ts';
import { isOfEnvelope } from './paths.ts';
import type { Program, ProgramClaim } from './program.ts';

interface PathClaim {
  readonly path: string;
  readonly when?: Guards;
}

function claimsOf(dialect: Dialect, column: 'ip' | 'user_agent'): readonly PathClaim[] {
  const claims = dialect.claims?.[column] ?? [];
  return claims.map((claim) => (typeof claim === 'string' ? { path: claim } : claim));
}

/** The paths of all claims, without those of their guards. */
export function claimPathsOf(dialect: Dialect): string[] {
  return [...claimsOf(dialect, 'ip'), ...claimsOf(dialect, 'user_agent')].map(({ path }) => path);
}

/** The paths of the guards of all claims. */
export function claimGuardPathsOf(dialect: Dialect): string[] {
  return [...claimsOf(dialect, 'ip'), ...claimsOf(dialect, 'user_agent')].flatMap(({ when }) =>
    guardsOf(when).map(({ path }) => path),
  );
}

/** The claims as a scanner reads them. Throws on paths that cannot be meant. */
export function compileClaims(
  dialect: Dialect,
  guards: GuardList,
  slotOf: (path: string) => number,
): Pick<Program, 'ipClaims' | 'userAgentClaims'> {
  const [tooMany] = claimPathsOf(dialect).slice(PROGRAM_CLAIMS_MAX);
  if (tooMany !== undefined) {
    throw contradiction(dialect.name, tooMany, `is one of more than ${PROGRAM_CLAIMS_MAX} claims`);
  }
  const compile = (column: 'ip' | 'user_agent') =>
    claimsOf(dialect, column).map(({ path, when }, index, all): ProgramClaim => {
      if (isOfEnvelope(path)) {
        throw contradiction(dialect.name, path, `${column}: every event says its own`);
      }
      const first = all.findIndex((other) => other.path === path);
      if (first < index && all[first]?.when === undefined) {
        throw contradiction(dialect.name, path, `${column}: stands twice`);
      }
      return { slot: slotOf(path), guards: guards.add(when) };
    });
  return { ipClaims: compile('ip'), userAgentClaims: compile('user_agent') };
}

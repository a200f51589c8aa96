/** What an SDK's request is answered with, in the words of its dialect's table. */
import type { Answer } from '../dialects/dialect.ts';
import type { Route } from '../dialects/routes.ts';
import { outcome, type Reason, type Status } from '../outcome.ts';

/** What placeholders of an answer stand for. */
export interface AnswerFacts {
  readonly accepted: number;
  readonly bytes: number;
  readonly nowMs: number;
}

/** The 200 of a request with this raw query; undefined where answers are Penstock's own. */
export function okAnswer(route: Route, isGet: boolean, query: string): Answer | undefined {
  const { answers } = route;
  if (answers === undefined) return undefined;
  const variant = answers.variants?.find(({ query: name, is }) => hasField(query, name, is));
  return variant?.ok ?? (isGet ? (answers.okOfGet ?? answers.ok) : answers.ok);
}

function hasField(query: string, name: string, value: string): boolean {
  return `&${query}&`.includes(`&${name}=${value}&`);
}

/** Its body, facts filled in; `partial` are members that a worker adds to an object, a comma before each. */
export function okBody({ body }: Answer, facts: AnswerFacts, partial: string): string | Uint8Array {
  if (typeof body !== 'string' || !body.startsWith('{')) return body;
  const filled = body.includes('{accepted}')
    ? body
        .replace('{accepted}', String(facts.accepted))
        .replace('{bytes}', String(facts.bytes))
        .replace('{now}', String(facts.nowMs))
    : body;
  return partial === '' ? filled : `${filled.slice(0, -1)}${partial}}`;
}

/**
 * A refusal for SDKs that read the status in the body (Amplitude): they send again what has no `missing_field`, unless
 * the error names the key; 413 makes them halve their batches.
 */
export function numericRefusal(reason: Reason, status: Status): string {
  const { message, retry } = outcome(reason);
  const error = reason === 'unauthorized' ? `Invalid API key: ${message}` : message;
  const isFinal = !retry && status !== 413;
  return JSON.stringify({ code: status, error, ...(isFinal && { missing_field: reason }) });
}

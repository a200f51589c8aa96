import { outcome, type Reason, type Status } from './outcome.ts';

/** A refusal as RFC 9457 writes it; `code` is the stable word, the other members are for people. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: Reason;
  readonly detail: string;
  readonly field?: string;
  readonly [extension: string]: unknown;
}

/** Status line by code, for the statuses of outcome.ts and those of the service routes. */
export const STATUS_LINES = {
  200: '200 OK',
  202: '202 Accepted',
  204: '204 No Content',
  400: '400 Bad Request',
  401: '401 Unauthorized',
  403: '403 Forbidden',
  404: '404 Not Found',
  405: '405 Method Not Allowed',
  413: '413 Content Too Large',
  415: '415 Unsupported Media Type',
  429: '429 Too Many Requests',
  503: '503 Service Unavailable',
} as const;

/** The problem of a reason; `extensions` are further members. */
export function problem(
  reason: Reason,
  extensions: Record<string, unknown> = {},
  status: Status = outcome(reason).status,
): Problem {
  return {
    type: 'about:blank',
    title: STATUS_LINES[status].slice(4),
    status,
    code: reason,
    detail: outcome(reason).message,
    ...extensions,
  };
}

/** What is wrong with an event, for people: the outcome's sentence with the field's name in it. */
export function messageFor(reason: Reason, field: string | undefined): string {
  return outcome(reason).message.replace('{field}', field ?? 'a field');
}

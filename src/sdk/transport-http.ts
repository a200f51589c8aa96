/** One POST of `/v1/events/batch`, and what its answer means for the events in it. */
import { parseMembers } from './json.ts';
import { REQUEST_TIMEOUT_MS, RETRY_AFTER_MS_MAX } from './limits.ts';
import type { Platform } from './platform.ts';
import { utf8Bytes } from './queue.ts';

/** What became of a batch. */
export type PostResult =
  /** Answered for, one way or the other. */
  | { readonly kind: 'done'; readonly rejected: number; readonly message: string }
  /** Larger than this server takes. */
  | { readonly kind: 'smaller'; readonly message: string }
  /** To be sent again: at once refused for good (`isRefused`), or after `afterMs`, or when there is a way again. */
  | {
      readonly kind: 'again';
      readonly isRefused: boolean;
      readonly afterMs: number;
      readonly message: string;
    };

/** Browsers let at most 64 KiB outlive a page, over all requests in the air. */
const KEEPALIVE_BYTES_MAX = 60 * 1024;
const FAULTS_OF_CLIENT = [401, 403, 404, 405, 415];

/** Members of the server's answers that are read. */
interface Answer {
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly accepted?: unknown;
  readonly rejected?: unknown;
  readonly errors?: readonly { readonly code?: unknown; readonly message?: unknown }[];
}

/** Sends it; never rejects. */
export async function postBatch(platform: Platform, url: string, body: string): Promise<PostResult> {
  const abort = new AbortController();
  const cancel = platform.after(REQUEST_TIMEOUT_MS, () => abort.abort());
  try {
    const response = await platform.fetch(url, {
      method: 'POST',
      body,
      keepalive: utf8Bytes(body) <= KEEPALIVE_BYTES_MAX,
      credentials: 'omit',
      signal: abort.signal,
    });
    return judge(response.status, response.headers.get('retry-after'), await response.text());
  } catch (error) {
    return { kind: 'again', isRefused: false, afterMs: 0, message: String(error) };
  } finally {
    cancel();
  }
}

function judge(status: number, retryAfter: string | null, text: string): PostResult {
  const { code, detail, accepted, rejected = 0, errors } = parseMembers<Answer>(text);
  const message = `${status} ${errors?.[0]?.message ?? detail ?? code ?? ''}`;
  // A hotel's log-in page answers 200 too; only counts are an answer of Penstock.
  if (typeof rejected === 'number' && typeof accepted === 'number')
    return { kind: 'done', rejected, message };
  if (status === 413 || code === 'batch_too_large') return { kind: 'smaller', message };
  const isRefused = FAULTS_OF_CLIENT.includes(status) || (status === 400 && code !== undefined);
  const afterMs = Math.min(RETRY_AFTER_MS_MAX, Math.max(0, 1000 * (Number(retryAfter) || 0)));
  return { kind: 'again', isRefused, afterMs, message };
}

/** Captured requests sent to a server, and the rows that it then has, beside what a normaliser of another hand made of them. */
import { type Running, startServer } from './appliance.ts';
import { metricOf } from './metrics.ts';
import { openSocket, type RawAnswer } from './raw-http.ts';
import { type CanonicalEvent, type CapturedRequest, differences, type Row, replay } from './sdk-requests.ts';

/** The one request of a client that was not told its key. */
export const KEYLESS = 'segment-analytics-next-browser/cors_none/0';

/** A server whose apps are called like their keys, which is how the normaliser calls them. */
export async function startReplayServer(
  requests: readonly CapturedRequest[],
  config: Record<string, unknown> = {},
): Promise<Running> {
  const names = requests.flatMap(({ canonical }) => canonical.map(({ app_id }) => app_id ?? ''));
  const keys = [...new Set(names)].filter(Boolean);
  const started = await startServer({
    config: {
      apps: keys.map((key) => ({ name: key, keys: [key] })),
      embedded: { object_type: 'String' },
      ...config,
    },
  });
  await started.ready();
  return started;
}

export interface Replayed {
  readonly answers: readonly RawAnswer[];
  /** By request. They are told apart by their time of arrival, so that no two requests share a millisecond. */
  readonly rows: readonly (readonly Row[])[];
}

/** Sends all of them, one after the other, and reads what the store then has of each. */
export async function replayAll(server: Running, requests: readonly CapturedRequest[]): Promise<Replayed> {
  const answers: RawAnswer[] = [];
  const starts: number[] = [];
  const socket = await openSocket(server.url);
  for (const request of requests) {
    starts.push(Date.now());
    answers.push(await replay(socket, request));
    const end = Date.now();
    // At most a millisecond; a timer is a multiple of that on a busy machine.
    while (Date.now() <= end);
  }
  socket.destroy();
  await settled(server);
  const first = new Date(starts[0] ?? 0).toISOString().replace('T', ' ').replace('Z', '');
  const all = await server.query(
    `SELECT * FROM events WHERE received_at >= '${first}' ORDER BY received_at LIMIT 1000000`,
  );
  const rows: Row[][] = starts.map(() => []);
  let request = 0;
  for (const row of all) {
    const received = isoOf(row['received_at']);
    while ((starts[request + 1] ?? Number.POSITIVE_INFINITY) <= Date.parse(received)) request++;
    rows[request]?.push({ ...row, timestamp: isoOf(row['timestamp']), received_at: received });
  }
  return { answers, rows };
}

const isoOf = (text: unknown) => `${String(text).replace(' ', 'T')}Z`;

/** Waits until the store has what the server accepted. */
export async function settled(server: Running): Promise<void> {
  await server.waitForCount('events', await metricOf(server, 'penstock_events_accepted_total'));
}

export interface Compared {
  /** Requests whose events are equal in every column and datum. */
  readonly equal: number;
  /** How many values differ for a reason that is known. */
  readonly reasons: ReadonlyMap<string, number>;
  readonly unexplained: readonly unknown[];
}

/** Compares every event of every request with its row. */
export function compareAll(requests: readonly CapturedRequest[], { rows }: Replayed): Compared {
  const reasons = new Map<string, number>();
  const unexplained: unknown[] = [];
  let equal = 0;
  for (const [index, request] of requests.entries()) {
    const left = [...(rows[index] ?? [])];
    const isKeyless = request.id.startsWith(KEYLESS);
    let isEqual = !isKeyless;
    for (const event of request.canonical) {
      const row = takeNearest(left, event);
      if (row === undefined) {
        if (!isKeyless) unexplained.push([request.id, 'missing', event]);
        isEqual = false;
        continue;
      }
      for (const column of differences(row, event)) {
        isEqual = false;
        const reason = reasonOf(request, event, column);
        if (reason === undefined) unexplained.push([request.id, column, row, event]);
        else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
      }
    }
    if (isEqual) equal += 1;
    if (left.length > 0) unexplained.push([request.id, 'more rows than events', left]);
  }
  return { equal, reasons, unexplained };
}

/** The row that differs least from the event, taken out of the rows of its request. */
function takeNearest(rowsLeft: Row[], event: CanonicalEvent): Row | undefined {
  const counts = rowsLeft.map((row) => differences(row, event).length);
  return rowsLeft.splice(counts.indexOf(Math.min(...counts)), rowsLeft.length > 0 ? 1 : 0)[0];
}

/** Why a column of an event is not as the normaliser has it; undefined when it should be. */
function reasonOf({ id, sdk }: CapturedRequest, event: CanonicalEvent, column: string): string | undefined {
  const isConnection = column === 'ip' || column === 'user_agent';
  if (id.startsWith('jitsu-js-node/') && (isConnection || column === 'platform')) {
    return 'Jitsu says that it runs in Node: no browser';
  }
  if (sdk.startsWith('cloudevents') && column === 'user_agent') {
    return 'CloudEvents come from servers, whose agent is nobody’s';
  }
  if (sdk.startsWith('cloudevents') && column === 'event_data.data') {
    return 'bytes stay under their own name, data_base64';
  }
  if (id.startsWith('snowplow-browser-tracker/credentials_omit/1') && column === 'user_agent') {
    return 'SP-Anonymous: neither address nor agent';
  }
  if (isConnection && event[column] !== null) {
    return 'address and agent in a body stay in its data; the columns are the connection’s';
  }
  return undefined;
}

/**
 * The load process: `fork` it with LoadOptions as JSON. Clients that behave as SDKs do, and a ledger of what was
 * acknowledged to each. Tells how far it is some times a second; on `stop` it waits until everything sent is
 * acknowledged, reports, and ends.
 */
import { HttpClient } from './http-client.ts';
import { type FromLoad, type LoadOptions, steadyNow, type ToLoad } from './messages.ts';
import { StreamClient } from './stream-client.ts';
import { Tally } from './tally.ts';

const TICK_MS = 4;
const PROGRESS_INTERVAL_MS = 20;

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
const tally = new Tally();
const clientCount = options.connections + options.streams;
const share = options.rate / clientCount;
const clients = Array.from({ length: clientCount }, (_, client) =>
  client < options.connections
    ? new HttpClient(options, client, share, tally)
    : new StreamClient(options, client, share, tally),
);

const ticks = setInterval(() => {
  for (const client of clients) client.tick();
}, TICK_MS);
const progress = setInterval(
  () => tell({ type: 'progress', acknowledged: tally.acknowledged, lastAckAt: tally.lastAckAt }),
  PROGRESS_INTERVAL_MS,
);
process.on('message', (message: ToLoad) => {
  if (message.type === 'stop') void settle();
});
process.on('disconnect', () => process.exit(1));

async function settle(): Promise<void> {
  tally.stopping = true;
  const deadline = steadyNow() + options.settleMs;
  while (steadyNow() < deadline && !clients.every(({ isSettled }) => isSettled)) {
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  clearInterval(ticks);
  clearInterval(progress);
  for (const client of clients) client.close();
  const unanswered = clients.filter(({ isSettled }) => !isSettled).length;
  if (unanswered > 0)
    tally.problem(`${unanswered} clients had no answer for ${options.settleMs} ms after the load`);
  const { resentEvents, refusals, problems } = tally;
  tell(
    {
      type: 'report',
      clients: clients.map((client) => client.ledger()),
      resentEvents,
      refusals,
      problems,
      ackAt: Float64Array.from(tally.ackAt),
      ackMs: Float64Array.from(tally.ackMs),
    },
    () => process.exit(0),
  );
}

function tell(message: FromLoad, then: () => void = () => {}): void {
  process.send?.(message, then);
}

/**
 * The law of the counters, as /metrics tells it: for each worker thread by itself, at any moment,
 * received = accepted + rejected + duplicate + in flight.
 */
import { sumOf } from './scrape.ts';

/** How the text of a scrape breaks the law; undefined when it keeps it. At rest nothing may be in flight either. */
export function lawFault(metrics: string, isAtRest: boolean): string | undefined {
  for (const [, worker] of metrics.matchAll(/^penstock_events_in_flight\{thread="([^"]*)"\}/gm)) {
    const of = (what: string) => sumOf(metrics, `penstock_events_${what}`, `thread="${worker}"`) ?? 0;
    const received = of('received_total');
    const inFlight = of('in_flight');
    const settled = of('accepted_total') + of('rejected_total') + of('duplicate_total');
    if (received !== settled + inFlight)
      return `${worker}: ${received} received, ${settled} settled, ${inFlight} in flight`;
    if (isAtRest && inFlight !== 0) return `${worker}: ${inFlight} events are in flight at rest`;
  }
  return undefined;
}

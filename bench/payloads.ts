/**
 * Bodies of the suite: events of the corpus (corpus.ts) whose `event_data` has the keys of a tracking plan. The corpus
 * knows a handful of shapes; customers name their own events and properties, so that a scanner which learns shapes, a
 * column of type JSON and a compressor all have more to do. The plan has EVENT_TYPES event types over PROPERTY_NAMES
 * names of properties; each type has its own choice of them, and each event leaves some out.
 *
 *   small   ~150 bytes an event     1 property, or a platform
 *   medium  ~434 bytes              3 to 5
 *   large   ~3,000 bytes            3 to 9 beside the corpus's order
 */
import { gzipSync } from 'node:zlib';
import { type CorpusEvent, type CorpusSize, createCorpus, createRandom } from './corpus.ts';
import { toSegmentBatch } from './segment-events.ts';

const EVENT_TYPES = 60;
const PROPERTY_NAMES = 300;
/** One in so many properties is left out. */
const LEFT_OUT = 8;

const VERBS = ['viewed', 'clicked', 'opened', 'closed', 'added', 'removed', 'started', 'completed'];
const NOUNS = ['product', 'cart', 'coupon', 'video', 'form', 'search', 'level', 'invite', 'article', 'plan'];
const PARTS = ['id', 'name', 'count', 'price', 'position', 'source', 'ratio', 'enabled', 'variant', 'path'];
const OWNERS = [
  'product',
  'cart',
  'list',
  'banner',
  'video',
  'player',
  'form',
  'field',
  'search',
  'filter',
  'level',
  'quest',
  'friend',
  'invite',
  'article',
  'author',
  'plan',
  'invoice',
  'coupon',
  'store',
  'shipment',
  'review',
  'message',
  'channel',
  'widget',
  'tab',
  'menu',
  'dialog',
  'session',
  'experiment',
];
const WORDS = ['red', 'Größe M', 'summer', 'checkout', 'a/b', 'おすすめ', 'hero', 'new', 'sale', 'organic'];

const PROPERTIES: Readonly<Record<CorpusSize, readonly [least: number, most: number]>> = {
  small: [1, 1],
  medium: [3, 5],
  large: [3, 9],
};

export interface PayloadOptions {
  readonly seed: number;
  readonly size: CorpusSize;
  readonly eventsPerBody: number;
  readonly count: number;
  /** Compressed bodies cannot get ids while they are sent, so they have none and the server gives them. */
  readonly isGzip?: boolean;
  /** In whose shape batches are; absent is Penstock's own. */
  readonly dialect?: 'segment' | undefined;
}

/** Bodies: an event as an object, more as an array. The same seed gives the same bytes. */
export function createBodies({
  seed,
  size,
  eventsPerBody,
  count,
  isGzip = false,
  dialect,
}: PayloadOptions): Buffer[] {
  const next = createEvents(seed, size);
  return Array.from({ length: count }, () => {
    const events = Array.from({ length: eventsPerBody }, () => {
      if (!isGzip) return next();
      const { event_id: _id, ...rest } = next();
      return rest;
    });
    const own = eventsPerBody === 1 ? events[0] : events;
    const text = dialect === 'segment' ? toSegmentBatch(events) : Buffer.from(JSON.stringify(own));
    return isGzip ? gzipSync(text) : text;
  });
}

/** Events of the suite, one a call. */
export function createEvents(seed: number, size: CorpusSize): () => CorpusEvent {
  // Another stream of numbers than the corpus's, or the two would go together.
  const random = createRandom(~seed);
  const corpus = createCorpus(seed, size);
  const below = (bound: number) => random() % bound;
  const types = Array.from({ length: EVENT_TYPES }, (_, index) => {
    const [least, most] = PROPERTIES[size];
    return {
      name: `${NOUNS[index % NOUNS.length]}_${VERBS[Math.floor(index / NOUNS.length) % VERBS.length]}`,
      properties: Array.from({ length: least + below(most - least + 1) }, () => below(PROPERTY_NAMES)),
    };
  });
  return () => {
    // Few types make most of the traffic.
    const type = types[Math.min(below(EVENT_TYPES), below(EVENT_TYPES))];
    const event = corpus.next();
    if (size === 'small' && event['platform'] !== undefined) return { ...event, event_type: type?.name };
    const own: Record<string, unknown> = {};
    for (const property of type?.properties ?? []) {
      if (below(LEFT_OUT) > 0) own[nameOf(property)] = makeValue(property, below);
    }
    const data = (size === 'large' ? event['event_data'] : {}) as object;
    return { ...event, event_type: type?.name, event_data: { ...data, ...own } };
  };
}

function nameOf(property: number): string {
  return `${OWNERS[property % OWNERS.length]}_${PARTS[Math.floor(property / OWNERS.length) % PARTS.length]}`;
}

/** A property has one type, as tracking plans ask for. */
function makeValue(property: number, below: (bound: number) => number): unknown {
  switch (PARTS[Math.floor(property / OWNERS.length) % PARTS.length]) {
    case 'count':
    case 'position':
      return below(500);
    case 'price':
      return (below(50_000) + 99) / 100;
    case 'ratio':
      return below(1000) / 1000;
    case 'enabled':
      return below(2) === 0;
    case 'path':
      return `/${WORDS[below(3)]}/${below(10_000)}`;
    case 'id':
      return `${below(1_000_000)}`;
    default:
      return WORDS[below(WORDS.length)];
  }
}

/**
 * Produce requests, version 7 (Kafka protocol guide, "Produce"), as pieces: record batches are written to the socket where
 * they stand, with what lies between them in small buffers. All integers big-endian:
 *
 *   transactional_id  nullable string, null     acks int16     timeout_ms int32
 *   topics   int32 count, each: name string · partitions int32 count, each: index int32 · records int32 length, bytes
 *
 * A string is an int16 length and its bytes. From version 3 on a partition has one batch.
 */

/** The version that knows zstd, and the highest that kafkajs reads answers of. */
export const PRODUCE_VERSION = 7;
/** `api_key` of Produce. */
export const PRODUCE_KEY = 0;

/** One batch and where it goes. */
export interface AddressedBatch {
  readonly topic: string;
  readonly partition: number;
  /** A sealed batch. */
  readonly bytes: Buffer;
}

export interface ProduceSettings {
  /** -1 waits for all replicas in sync, 1 for the leader. */
  readonly acks: -1 | 1;
  /** How long the broker waits for its replicas. */
  readonly timeoutMs: number;
}

const INT16_BYTES = 2;
const INT32_BYTES = 4;

/** The body of a request for `batches`, at most one a partition; batches of a topic stand together. Holds VIEWS of the batches. */
export function encodeProduceRequest(
  settings: ProduceSettings,
  batches: readonly AddressedBatch[],
): Buffer[] {
  const topics = groupBy(batches, ({ topic }) => topic);
  const pieces: Buffer[] = [encodeHead(settings, topics.size)];
  for (const [topic, ofTopic] of topics) {
    pieces.push(encodeTopic(topic, ofTopic.length));
    for (const { partition, bytes } of ofTopic) {
      const head = Buffer.allocUnsafe(2 * INT32_BYTES);
      head.writeInt32BE(partition, 0);
      head.writeInt32BE(bytes.length, INT32_BYTES);
      pieces.push(head, bytes);
    }
  }
  return pieces;
}

/** Items by key, in the order in which the keys come. */
export function groupBy<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

/**
 * The head of any request, version 1: size int32 of all behind it, api_key int16, api_version int16, correlation_id
 * int32, client_id nullable string.
 */
export function encodeRequestHead(
  apiKey: number,
  apiVersion: number,
  correlationId: number,
  clientId: string,
  bodyBytes: number,
): Buffer {
  const id = Buffer.from(clientId);
  const head = Buffer.allocUnsafe(2 * INT32_BYTES + 3 * INT16_BYTES + id.length);
  head.writeInt32BE(head.length - INT32_BYTES + bodyBytes, 0);
  head.writeInt16BE(apiKey, 4);
  head.writeInt16BE(apiVersion, 6);
  head.writeInt32BE(correlationId, 8);
  head.writeInt16BE(id.length, 12);
  id.copy(head, 14);
  return head;
}

function encodeHead({ acks, timeoutMs }: ProduceSettings, topicCount: number): Buffer {
  const head = Buffer.allocUnsafe(2 * INT16_BYTES + 2 * INT32_BYTES);
  head.writeInt16BE(-1, 0);
  head.writeInt16BE(acks, 2);
  head.writeInt32BE(timeoutMs, 4);
  head.writeInt32BE(topicCount, 8);
  return head;
}

function encodeTopic(topic: string, partitionCount: number): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.allocUnsafe(INT16_BYTES + name.length + INT32_BYTES);
  head.writeInt16BE(name.length, 0);
  name.copy(head, INT16_BYTES);
  head.writeInt32BE(partitionCount, INT16_BYTES + name.length);
  return head;
}

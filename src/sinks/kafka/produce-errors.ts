/**
 * What follows from each error code of a Produce answer (Kafka protocol guide, "Error Codes"), as Kafka's own client has
 * it (Sender.java, TransactionManager.java, KIP-98, KIP-360). A code that is not here is tried again: a guess the other
 * way would lose events.
 */

/** One of these a batch. */
export const Verdict = {
  /** The batch is stored. */
  stored: 'stored',
  /** It was stored by an earlier send of the same sequence, if there was one. */
  repeated: 'repeated',
  /** The same bytes again, later. */
  again: 'again',
  /** The same bytes again, to the leader that new metadata names. */
  elsewhere: 'elsewhere',
  /** The broker's sequence of the partition is another: a new epoch, from 0. */
  newEpoch: 'newEpoch',
  /** The broker does not take this producer any more: a new producer id. */
  newProducer: 'newProducer',
  /** Its content is refused, and parts of it may pass. */
  refused: 'refused',
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

const VERDICTS: Readonly<Record<number, Verdict>> = {
  0: Verdict.stored,
  /** UNKNOWN_TOPIC_OR_PARTITION */
  3: Verdict.elsewhere,
  /** LEADER_NOT_AVAILABLE */
  5: Verdict.elsewhere,
  /** NOT_LEADER_OR_FOLLOWER */
  6: Verdict.elsewhere,
  /** REPLICA_NOT_AVAILABLE */
  9: Verdict.elsewhere,
  /** MESSAGE_TOO_LARGE */
  10: Verdict.refused,
  /** RECORD_LIST_TOO_LARGE */
  18: Verdict.refused,
  /** INVALID_TIMESTAMP */
  32: Verdict.refused,
  /** OUT_OF_ORDER_SEQUENCE_NUMBER */
  45: Verdict.newEpoch,
  /** DUPLICATE_SEQUENCE_NUMBER */
  46: Verdict.repeated,
  /** INVALID_PRODUCER_EPOCH */
  47: Verdict.newProducer,
  /** INVALID_PRODUCER_ID_MAPPING */
  49: Verdict.newProducer,
  /** KAFKA_STORAGE_ERROR */
  56: Verdict.elsewhere,
  /** UNKNOWN_PRODUCER_ID */
  59: Verdict.newEpoch,
  /** FENCED_LEADER_EPOCH */
  74: Verdict.elsewhere,
  /** UNKNOWN_LEADER_EPOCH */
  75: Verdict.elsewhere,
  /** INVALID_RECORD */
  87: Verdict.refused,
  /** PRODUCER_FENCED */
  90: Verdict.newProducer,
};

/** What follows from a code. */
export function verdictOf(errorCode: number): Verdict {
  return VERDICTS[errorCode] ?? Verdict.again;
}

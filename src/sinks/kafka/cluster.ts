/**
 * The brokers of one thread: who they are, who leads which partition, and an open connection to each that is needed.
 * Nothing here is tried twice: a failure is told to the caller, whose journal asks again after a pause, and the
 * connection or the metadata that failed is gone by then.
 */
import { KAFKA_CONNECT_TIMEOUT_MS } from '../../limits.ts';
import { type BrokerAddress, BrokerLink, describeErrorCode, type LinkOptions } from './kafkajs-bridge.ts';

/** A topic as the brokers have it. */
export interface Topic {
  /** Node id of the leader by partition, -1 where there is none now. */
  readonly leaders: readonly number[];
}

export interface ClusterOptions {
  /** `host:port` of the brokers to begin with. */
  readonly brokers: readonly string[];
  /** Whether topics that are missing are to be made. */
  readonly createTopics: boolean;
  /** Read for every new connection, so that certificates may be renewed. */
  readonly linkOptions: () => Omit<LinkOptions, 'connectTimeoutMs'>;
}

/** A topic cannot be written to, for a reason that an operator must mend. */
export class TopicError extends Error {
  override readonly name = 'TopicError';
  readonly topic: string;
  constructor(topic: string, why: string) {
    super(why);
    this.topic = topic;
  }
}

/** UNKNOWN_TOPIC_OR_PARTITION in the answer to Metadata. */
const UNKNOWN_TOPIC = 3;
/** In the answer to CreateTopics; with TOPIC_ALREADY_EXISTS another worker was first. */
const MADE: ReadonlySet<number> = new Set([0, 36]);
/** Codes of Metadata after which a topic is there, or is not for now: INVALID_TOPIC_EXCEPTION, TOPIC_AUTHORIZATION_FAILED. */
const SETTLED: ReadonlySet<number> = new Set([0, UNKNOWN_TOPIC, 17, 29]);

/** Connections and metadata of one thread, shared by its deliveries. */
export class KafkaCluster {
  readonly #options: ClusterOptions;
  readonly #bootstrap: readonly BrokerAddress[];
  readonly #nodes = new Map<number, BrokerAddress>();
  /** By address: open, or being opened. */
  readonly #links = new Map<string, Promise<BrokerLink>>();
  readonly #topics = new Map<string, Topic>();
  #controller = -1;
  #isStale = true;
  #turn = 0;
  #refreshing: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#bootstrap = options.brokers.map(parseAddress);
  }

  /** What is known of a topic. Undefined before `require` asked for it. */
  topic(name: string): Topic | undefined {
    return this.#topics.get(name);
  }

  /** The next `require` asks the brokers again. */
  expire(): void {
    this.#isStale = true;
  }

  /**
   * Resolves when all of `topics` are known and none has become stale. Rejects with TopicError for the first that is missing, which
   * is made first where the options say so, or with the error of the connections.
   */
  async require(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.#topics.has(topic));
    if (missing.length === 0 && !this.#isStale) return;
    // Another's failure is not ours: it may have asked for a topic that is missing.
    while (this.#refreshing !== undefined) await this.#refreshing.catch(() => {});
    if (topics.every((topic) => this.#topics.has(topic)) && !this.#isStale) return;
    this.#refreshing = this.#refresh(missing).finally(() => {
      this.#refreshing = undefined;
    });
    await this.#refreshing;
  }

  /**
   * Looks for topics of which some may be missing, all at once; `topic` knows those that are there then. They are made first where
   * the options say so. Rejects where it cannot be known whether one is there.
   */
  async find(topics: readonly string[]): Promise<void> {
    const missing = topics.filter((topic) => !this.#topics.has(topic));
    if (missing.length === 0) return;
    const errors = await this.#ask(missing);
    const unknown = missing.filter((topic) => errors.get(topic) === UNKNOWN_TOPIC);
    if (unknown.length > 0 && this.#options.createTopics) {
      const results = await this.#create(unknown);
      const made = unknown.filter((topic) => MADE.has(results.get(topic) ?? 0));
      for (const [topic, code] of await this.#ask(made)) errors.set(topic, code);
      if (made.some((topic) => errors.get(topic) === UNKNOWN_TOPIC))
        throw new Error('topics were created and are not known yet');
    }
    const doubtful = missing.find((topic) => !SETTLED.has(errors.get(topic) ?? 0));
    if (doubtful !== undefined) throw new Error(explain(doubtful, errors.get(doubtful) ?? 0));
  }

  /** An open connection to the broker of that id. Rejects when it cannot be reached. */
  node(nodeId: number): Promise<BrokerLink> {
    const address = this.#nodes.get(nodeId);
    if (address === undefined) return Promise.reject(new Error(`broker ${nodeId} is not known`));
    return this.#open(address);
  }

  /** An open connection to any broker. */
  async someNode(): Promise<BrokerLink> {
    const known = [...this.#nodes.values(), ...this.#bootstrap];
    const turn = this.#turn++;
    let failure: unknown;
    for (let index = 0; index < known.length; index++) {
      const address = known[(turn + index) % known.length];
      if (address === undefined) continue;
      try {
        return await this.#open(address);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** Closes a connection that failed; the next use opens another. */
  drop(link: BrokerLink): void {
    link.close();
    this.#isStale = true;
  }

  /** Closes everything, for good. */
  close(): void {
    this.#isClosed = true;
    for (const opening of this.#links.values())
      void opening.then(
        (link) => link.close(),
        () => {},
      );
    this.#links.clear();
  }

  async #open(address: BrokerAddress): Promise<BrokerLink> {
    if (this.#isClosed) throw new Error('the sink is closed');
    const name = `${address.host}:${address.port}`;
    const kept = this.#links.get(name);
    const known = await kept?.catch(() => undefined);
    if (known?.isOpen()) return known;
    // Another may have opened the next one meanwhile.
    if (kept !== undefined && this.#links.get(name) === kept) {
      known?.close();
      this.#links.delete(name);
    }
    const opening =
      this.#links.get(name) ??
      BrokerLink.open(address, {
        ...this.#options.linkOptions(),
        connectTimeoutMs: KAFKA_CONNECT_TIMEOUT_MS,
      });
    this.#links.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      if (this.#links.get(name) === opening) this.#links.delete(name);
      throw error;
    }
  }

  async #refresh(missing: readonly string[]): Promise<void> {
    const wanted = [...new Set([...this.#topics.keys(), ...missing])];
    const errors = await this.#ask(wanted);
    const unknown = wanted.filter((topic) => errors.get(topic) === UNKNOWN_TOPIC);
    if (unknown.length > 0 && this.#options.createTopics) {
      for (const [topic, code] of await this.#create(unknown)) {
        if (!MADE.has(code))
          throw new TopicError(topic, `topic ${topic} cannot be created: ${describeErrorCode(code)}`);
      }
      for (const [topic, code] of await this.#ask(unknown)) errors.set(topic, code);
      const late = unknown.find((topic) => errors.get(topic) === UNKNOWN_TOPIC);
      if (late !== undefined) throw new Error(`topic ${late} was created and is not known yet`);
    }
    for (const topic of missing) {
      const code = errors.get(topic) ?? 0;
      if (code !== 0) throw new TopicError(topic, explain(topic, code));
    }
    this.#isStale = false;
  }

  /** Takes in the metadata of `topics`; gives the error code of each. */
  async #ask(topics: readonly string[]): Promise<Map<string, number>> {
    const link = await this.someNode();
    let metadata: Awaited<ReturnType<BrokerLink['metadata']>>;
    try {
      metadata = await link.metadata(topics);
    } catch (error) {
      this.drop(link);
      throw error;
    }
    this.#controller = metadata.controllerId;
    this.#nodes.clear();
    for (const { nodeId, host, port } of metadata.brokers) this.#nodes.set(nodeId, { host, port });
    for (const { topic, topicErrorCode, partitionMetadata } of metadata.topicMetadata) {
      if (topicErrorCode !== 0 || partitionMetadata.length === 0) {
        this.#topics.delete(topic);
        continue;
      }
      const leaders = new Array<number>(partitionMetadata.length).fill(-1);
      for (const { partitionId, leader } of partitionMetadata) leaders[partitionId] = leader;
      this.#topics.set(topic, { leaders });
    }
    return new Map(metadata.topicMetadata.map(({ topic, topicErrorCode }) => [topic, topicErrorCode]));
  }

  /** Gives an error code by topic. */
  async #create(topics: readonly string[]): Promise<Map<string, number>> {
    // Brokers before KRaft make topics on the controller only.
    const link = await this.node(this.#controller).catch(() => this.someNode());
    try {
      return await link.createTopics(topics);
    } catch (error) {
      this.drop(link);
      throw error;
    }
  }
}

function explain(topic: string, code: number): string {
  if (code !== UNKNOWN_TOPIC) return `topic ${topic} cannot be used: ${describeErrorCode(code)}`;
  return (
    `topic ${topic} does not exist: create it (kafka-topics.sh --create --topic ${topic} --bootstrap-server …), ` +
    'or set kafka.create_topics to true'
  );
}

/** `host:port`; a host of IPv6 stands in brackets. */
function parseAddress(broker: string): BrokerAddress {
  const colon = broker.lastIndexOf(':');
  return { host: broker.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(broker.slice(colon + 1)) };
}

/**
 * kafkajs' connections: sockets, TLS, SASL, versions, request queue and time-outs, and the requests that it encodes. Its
 * modules below `src/` are no promise of the package, so this file is the only one that loads them, the version is
 * pinned exactly, and test/integration/kafka-bridge.test.ts says what is relied on.
 *
 * Taken: Broker and ConnectionPool, one for one connection. Not taken: its cluster and producer, which fail all topics
 * for one that is missing, forget what bytes were in the air and give their sequence numbers to others. A link that failed
 * is never connected again: kafkajs keeps half an answer over a reconnect, and does not close a connection that is silent.
 */
import { createRequire } from 'node:module';
import net from 'node:net';
import tls from 'node:tls';
import { KAFKA_SESSION_MARGIN_MS } from '../../limits.ts';
import { encodeRequestHead, PRODUCE_KEY, PRODUCE_VERSION } from './produce-request.ts';

const require = createRequire(import.meta.url);

/** Where a broker listens. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

export interface LinkOptions {
  readonly clientId: string;
  readonly connectTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly sasl:
    | { readonly mechanism: string; readonly username: string; readonly password: string }
    | undefined;
  readonly tls: tls.ConnectionOptions | undefined;
}

export interface BrokerMetadata {
  readonly brokers: readonly (BrokerAddress & { readonly nodeId: number })[];
  readonly controllerId: number;
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number;
    readonly topic: string;
    readonly partitionMetadata: readonly {
      readonly partitionErrorCode: number;
      readonly partitionId: number;
      /** -1 while there is none. */
      readonly leader: number;
    }[];
  }[];
}

export interface ProduceAnswer {
  readonly topicName: string;
  readonly partitions: readonly {
    readonly partition: number;
    readonly errorCode: number;
    readonly baseOffset: string;
  }[];
}

/** Requests that are sent as kafkajs encodes them, by its names. */
export type RequestName =
  | 'Metadata'
  | 'CreateTopics'
  | 'Fetch'
  | 'ListOffsets'
  | 'GroupCoordinator'
  | 'JoinGroup'
  | 'SyncGroup'
  | 'Heartbeat'
  | 'LeaveGroup'
  | 'OffsetCommit'
  | 'OffsetFetch';

interface Protocol<Decoded> {
  readonly request: { readonly apiVersion: number };
  readonly response: { decode(payload: Buffer): Promise<Decoded>; parse(decoded: Decoded): Promise<unknown> };
  readonly requestTimeout?: number;
  readonly logResponseError?: boolean;
}

interface QueueEntry {
  readonly apiKey: number;
  readonly apiName: string;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly resolve: (answer: { readonly payload: Buffer }) => void;
  readonly reject: (error: Error) => void;
}

interface KafkajsConnection {
  readonly socket: net.Socket | undefined;
  readonly requestQueue: {
    readonly inflight: { readonly size: number };
    push(request: {
      entry: QueueEntry;
      expectResponse: boolean;
      requestTimeout: number;
      sendRequest: () => void;
    }): void;
    maybeThrottle(throttleMs: number): void;
  };
  isConnected(): boolean;
  nextCorrelationId(): number;
  rejectRequests(error: Error): void;
  send<Decoded>(protocol: Protocol<Decoded>): Promise<unknown>;
}

interface KafkajsPool {
  readonly pool: readonly KafkajsConnection[];
  isConnected(): boolean;
  isAuthenticated(): boolean;
  destroy(): Promise<void>;
}

interface KafkajsBroker {
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>;
  connect(): Promise<void>;
  lookupRequest<Decoded>(apiKey: number, definition: object): (parameters: object) => Protocol<Decoded>;
  initProducerId(parameters: object): Promise<{ producerId: string; producerEpoch: number }>;
}

const Broker = require('kafkajs/src/broker') as new (options: object) => KafkajsBroker;
const ConnectionPool = require('kafkajs/src/network/connectionPool') as new (options: object) => KafkajsPool;
const { createLogger, LEVELS } = require('kafkajs/src/loggers') as {
  createLogger(options: object): object;
  LEVELS: { readonly NOTHING: number };
};
const { requests } = require('kafkajs/src/protocol/requests') as {
  requests: Readonly<Record<RequestName, object>>;
};
const apiKeys = require('kafkajs/src/protocol/requests/apiKeys') as Readonly<Record<RequestName, number>>;
const produceResponse = require(`kafkajs/src/protocol/requests/produce/v${PRODUCE_VERSION}/response`) as {
  decode(payload: Buffer): Promise<{ topics: ProduceAnswer[]; clientSideThrottleTime: number }>;
};
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as {
  createErrorFromCode(code: number): Error & { readonly type: string };
};

/** Every failure is told by the caller, once; kafkajs would log each several times. */
const silentLogger = createLogger({ level: LEVELS.NOTHING, logCreator: () => () => {} });

/** Kafka's name and sentence for an error code. */
export function describeErrorCode(code: number): string {
  const { type, message } = createErrorFromCode(code);
  return `${type} (${code}): ${message}`;
}

/** Whether a rejection is the broker's answer, so that its connection is sound. */
export function isBrokerAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'KafkaJSProtocolError';
}

/** One open connection to one broker. */
export class BrokerLink {
  readonly address: string;
  readonly #broker: KafkajsBroker;
  readonly #pool: KafkajsPool;
  readonly #connection: KafkajsConnection;
  readonly #options: LinkOptions;
  #isClosed = false;

  private constructor({ host, port }: BrokerAddress, options: LinkOptions) {
    this.address = `${host}:${port}`;
    this.#options = options;
    const { sasl, clientId } = options;
    this.#pool = new ConnectionPool({
      host,
      port,
      clientId,
      sasl: sasl ?? null,
      ssl: options.tls ?? null,
      connectionTimeout: options.connectTimeoutMs,
      requestTimeout: options.requestTimeoutMs,
      enforceRequestTimeout: true,
      reauthenticationThreshold: KAFKA_SESSION_MARGIN_MS,
      logger: silentLogger,
      socketFactory: openSocket,
    });
    const [connection] = this.#pool.pool;
    if (connection === undefined) throw new Error('kafkajs has no connection in its pool');
    this.#connection = connection;
    this.#broker = new Broker({
      connectionPool: this.#pool,
      logger: silentLogger,
      authenticationTimeout: options.requestTimeoutMs,
    });
  }

  /** Connects, asks for the broker's versions and authenticates. Rejects with kafkajs' error. */
  static async open(address: BrokerAddress, options: LinkOptions): Promise<BrokerLink> {
    const link = new BrokerLink(address, options);
    try {
      await link.#broker.connect();
    } catch (error) {
      link.close();
      throw error;
    }
    return link;
  }

  /** False once it was closed by either side, or its SASL session is about to end: open another. */
  isOpen(): boolean {
    const isAuthenticated = this.#options.sasl === undefined || this.#pool.isAuthenticated();
    return !this.#isClosed && this.#pool.isConnected() && isAuthenticated;
  }

  /**
   * Sends a request of kafkajs' own encoding and gives the answer as its fields, error codes included: kafkajs' own reading of
   * it throws all of it away for one error. `decode` reads the answer's bytes instead of kafkajs, VIEW for the time of the call.
   * Rejects when no answer came; the broker may have done what was asked then.
   */
  async call<Answer>(
    name: RequestName,
    parameters: object,
    decode?: (payload: Buffer, version: number) => Answer,
  ): Promise<Answer> {
    const make = this.#broker.lookupRequest<Answer>(apiKeys[name], requests[name]);
    const { request, response, requestTimeout } = make(parameters);
    const read = decode && (async (payload: Buffer) => decode(payload, request.apiVersion));
    const answer = await this.#connection.send({
      request,
      response: { decode: read ?? response.decode, parse: async (decoded: Answer) => decoded },
      // Behind kafkajs' own time for a Fetch, 100 ms after it is due, comes a busy broker's answer.
      requestTimeout: Math.max(requestTimeout ?? 0, this.#options.requestTimeoutMs),
      logResponseError: false,
    });
    return answer as Answer;
  }

  /** Metadata of `topics`, with an error code where there is none of one. Never creates a topic. */
  metadata(topics: readonly string[]): Promise<BrokerMetadata> {
    return this.call('Metadata', { topics, allowAutoTopicCreation: false });
  }

  /** Creates topics with the broker's defaults. Gives an error code by topic, 0 for success. */
  async createTopics(topics: readonly string[]): Promise<Map<string, number>> {
    type Answer = { readonly topicErrors: readonly { readonly topic: string; readonly errorCode: number }[] };
    const wanted = topics.map((topic) => ({ topic, numPartitions: -1, replicationFactor: -1 }));
    const timeout = this.#options.requestTimeoutMs;
    const { topicErrors } = await this.call<Answer>('CreateTopics', { topics: wanted, timeout });
    return new Map(topicErrors.map(({ topic, errorCode }) => [topic, errorCode]));
  }

  /** A producer id of its own, without a transaction. */
  async initProducerId(): Promise<{ readonly producerId: bigint; readonly producerEpoch: number }> {
    const { producerId, producerEpoch } = await this.#broker.initProducerId({});
    return { producerId: BigInt(producerId), producerEpoch };
  }

  /** Whether the broker takes the requests of `produce`. */
  canProduce(): boolean {
    return (this.#broker.versions[PRODUCE_KEY]?.maxVersion ?? 0) >= PRODUCE_VERSION;
  }

  /**
   * Sends the body of a Produce request, piece by piece, without a copy: the pieces must stay as they are until this
   * settles. Rejects when no answer came; the broker may have stored everything then.
   */
  async produce(body: readonly Buffer[]): Promise<ProduceAnswer[]> {
    const connection = this.#connection;
    const { clientId, requestTimeoutMs } = this.#options;
    const correlationId = connection.nextCorrelationId();
    const bodyBytes = body.reduce((sum, { length }) => sum + length, 0);
    const head = encodeRequestHead(PRODUCE_KEY, PRODUCE_VERSION, correlationId, clientId, bodyBytes);
    const { payload } = await new Promise<{ readonly payload: Buffer }>((resolve, reject) => {
      if (!connection.isConnected()) throw new Error('the connection is closed');
      connection.requestQueue.push({
        entry: {
          apiKey: PRODUCE_KEY,
          apiName: 'Produce',
          apiVersion: PRODUCE_VERSION,
          correlationId,
          resolve,
          reject,
        },
        expectResponse: true,
        requestTimeout: requestTimeoutMs,
        sendRequest: () => writePieces(connection.socket, [head, ...body]),
      });
    });
    const { topics, clientSideThrottleTime } = await produceResponse.decode(payload);
    connection.requestQueue.maybeThrottle(clientSideThrottleTime);
    return topics;
  }

  /** Closes at once; what has no answer is rejected. */
  close(): void {
    this.#isClosed = true;
    const error = new Error(`the connection to ${this.address} was closed`);
    for (const connection of this.#pool.pool) {
      connection.rejectRequests(error);
      connection.socket?.destroy();
    }
    void this.#pool.destroy().catch(() => {});
  }
}

function writePieces(socket: net.Socket | undefined, pieces: readonly Buffer[]): void {
  // Corked, the pieces leave in one call of the system.
  socket?.cork();
  for (const piece of pieces) socket?.write(piece);
  socket?.uncork();
}

/** A socket as kafkajs asks for it. Without delay: a request is written whole. */
function openSocket(options: {
  host: string;
  port: number;
  ssl: tls.ConnectionOptions | null;
  onConnect: () => void;
}): net.Socket {
  const { host, port, ssl, onConnect } = options;
  const target = { host, port, noDelay: true, keepAlive: true };
  if (ssl === null) return net.connect(target, onConnect);
  return tls.connect({ ...target, ...(net.isIP(host) === 0 ? { servername: host } : {}), ...ssl }, onConnect);
}

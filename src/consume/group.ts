/**
 * Membership in a consumer group (Kafka's classic protocol): join, deal partitions, signs of life, commits, leave.
 *
 *   join ─▶ Generation: current ──(others come or go)──▶ rebalancing ──▶ join
 *                          └─────(coordinator says no, or nobody knows)──▶ lost ──▶ join under another name
 *
 * In a generation that is rebalancing commits still count, so that blocks in hand can end. One that is lost must not be
 * used: a commit whose answer did not come may still be on its way, and would count in the generation that it names
 * (contract.ts). Nothing is tried again here but what certainly was not done.
 */
import { pause } from '../backoff.ts';
import { Ending } from '../journal/ending.ts';
import { CONSUME_HEARTBEATS_PER_SESSION, RETRY_DELAY_MS_MIN } from '../limits.ts';
import type { KafkaCluster } from '../sinks/kafka/cluster.ts';
import { describeErrorCode } from '../sinks/kafka/kafkajs-bridge.ts';
import { assignPartitions, decodeAssignment, encodeSubscription, PROTOCOL_NAME } from './assign.ts';
import type { CommitOutcome, Place, Progress } from './contract.ts';
import {
  Code,
  commitOffsets,
  fetchOffsets,
  findCoordinator,
  type GroupLink,
  heartbeat,
  type Identity,
  isElsewhere,
  joinGroup,
  leaveGroup,
  type PlaceAnswer,
  syncGroup,
} from './group-requests.ts';

/** What is needed of the brokers; sinks/kafka/cluster.ts has it. */
export type GroupCluster = Pick<KafkaCluster, 'topic' | 'require' | 'node' | 'someNode' | 'drop' | 'expire'>;

export interface GroupOptions {
  readonly cluster: GroupCluster;
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

export type GenerationState = 'current' | 'rebalancing' | 'lost';

/** This process as a member; one generation at a time. */
export class Group {
  readonly #options: GroupOptions;
  #coordinator: number | undefined;
  #memberId = '';
  /** Where a join waits for the others. */
  #joining: GroupLink | undefined;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  /** Joins and resolves with the partitions of this member. Rejects with why it could not; another try is the caller's. */
  async join(): Promise<Generation> {
    const { cluster, groupId, topics, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options;
    await cluster.require(topics);
    const protocol = { name: PROTOCOL_NAME, metadata: encodeSubscription(topics) };
    const timeouts = { sessionTimeout: sessionTimeoutMs, rebalanceTimeout: rebalanceTimeoutMs };
    const join = () =>
      this.ask(async (link) => {
        this.#joining = link;
        const member = { groupId, memberId: this.#memberId };
        try {
          return await joinGroup(link, member, protocol, timeouts);
        } finally {
          this.#joining = undefined;
        }
      });
    let joined = await join();
    if (joined.errorCode === Code.memberIdRequired) {
      this.#memberId = joined.memberId;
      joined = await join();
    }
    this.#check(joined.errorCode, 'join');
    this.#memberId = joined.memberId;
    const { generationId, memberId, leaderId, members } = joined;
    const identity = { groupId, generationId, memberId };
    const partitionCount = (topic: string) => cluster.topic(topic)?.leaders.length ?? 0;
    const assignment = leaderId === memberId ? assignPartitions(members, partitionCount) : [];
    const synced = await this.ask((link) => syncGroup(link, identity, assignment));
    this.#check(synced.errorCode, 'get partitions of');
    return new Generation(this, identity, decodeAssignment(synced.memberAssignment), this.#options);
  }

  /** Joins under another name next time, and tells the coordinator that this one is gone. Never rejects. */
  async forget(identity: Identity): Promise<void> {
    this.#memberId = '';
    await this.ask((link) => leaveGroup(link, identity)).catch(() => {});
  }

  /** Leaves while it joins: the broker hears nothing else on the connection where the join waits. Never rejects. */
  async leave(): Promise<void> {
    const [link, memberId] = [this.#joining, this.#memberId];
    if (link !== undefined) this.#options.cluster.drop(link as Parameters<GroupCluster['drop']>[0]);
    if (memberId !== '') await this.forget({ groupId: this.#options.groupId, generationId: -1, memberId });
  }

  /**
   * Asks the coordinator, who is looked for first where it is not known. Rejects when no answer came, or one that it is
   * another.
   */
  async ask<Answer>(request: (link: GroupLink) => Promise<Answer>): Promise<Answer> {
    const { cluster } = this.#options;
    this.#coordinator ??= await this.#findCoordinator();
    const link = await cluster.node(this.#coordinator).catch((error: unknown) => {
      this.#coordinator = undefined;
      // It may have come up since the brokers were last asked who they are.
      cluster.expire();
      throw error;
    });
    try {
      return await request(link);
    } catch (error) {
      this.#coordinator = undefined;
      cluster.drop(link);
      throw error;
    }
  }

  /** The next request looks for the coordinator again. */
  moved(): void {
    this.#coordinator = undefined;
  }

  async #findCoordinator(): Promise<number> {
    const { cluster, groupId, topics } = this.#options;
    await cluster.require(topics);
    const link = await cluster.someNode();
    try {
      const { errorCode, coordinator } = await findCoordinator(link, groupId);
      if (errorCode === Code.none) return coordinator.nodeId;
      throw new Error(`group ${groupId} has no coordinator now: ${describeErrorCode(errorCode)}`);
    } catch (error) {
      cluster.drop(link);
      throw error;
    }
  }

  #check(code: number, what: string): void {
    if (code === Code.none) return;
    if (code === Code.unknownMember) this.#memberId = '';
    if (isElsewhere(code)) this.moved();
    throw new Error(`cannot ${what} group ${this.#options.groupId}: ${describeErrorCode(code)}`);
  }
}

/** What a member may do until partitions are dealt anew. */
export class Generation {
  readonly places: readonly Place[];
  readonly id: number;
  readonly #group: Group;
  readonly #identity: Identity;
  readonly #sessionTimeoutMs: number;
  #state: GenerationState = 'current';
  readonly #ending = new Ending();
  readonly #beats: Promise<void>;
  #wake: () => void = () => {};
  readonly #changed: Promise<void>;

  constructor(
    group: Group,
    identity: Identity,
    places: readonly Place[],
    { sessionTimeoutMs }: Pick<GroupOptions, 'sessionTimeoutMs'>,
  ) {
    this.#group = group;
    this.#identity = identity;
    this.places = places;
    this.id = identity.generationId;
    this.#sessionTimeoutMs = sessionTimeoutMs;
    this.#changed = new Promise((resolve) => {
      this.#wake = resolve;
    });
    this.#beats = this.#beat();
  }

  get state(): GenerationState {
    return this.#state;
  }

  /** Resolves when the state is no longer `current`. */
  changed(): Promise<void> {
    return this.#changed;
  }

  /** Partitions shall be dealt anew: topics have grown. */
  rebalance(): void {
    if (this.#state === 'current') this.#become('rebalancing');
  }

  /** What was committed of the places of this member. Rejects where it cannot be known now. */
  async committed(): Promise<readonly PlaceAnswer[]> {
    if (this.places.length === 0) return [];
    const answer = await this.#group.ask((link) => fetchOffsets(link, this.#identity.groupId, this.places));
    if (answer.errorCode === Code.none) return answer.places;
    if (isElsewhere(answer.errorCode)) this.#group.moved();
    throw new Error(`offsets of group ${this.#identity.groupId}: ${describeErrorCode(answer.errorCode)}`);
  }

  /** Commits; with `lost` the generation is over, and what was to be committed may have been. Never rejects. */
  async commit(entries: readonly (Place & Progress)[]): Promise<CommitOutcome> {
    while (this.#state !== 'lost') {
      let code: number;
      try {
        code = await this.#group.ask((link) => commitOffsets(link, this.#identity, entries));
      } catch {
        break;
      }
      if (code === Code.none) return 'committed';
      if (!isElsewhere(code)) break;
      this.#group.moved();
      await pause(RETRY_DELAY_MS_MIN);
    }
    this.#become('lost');
    return 'lost';
  }

  /** Ends the signs of life. A member whose generation is lost, or who will not be back, is forgotten. */
  async end(isLeaving: boolean): Promise<void> {
    this.#ending.end();
    this.#wake();
    await this.#beats;
    if (isLeaving || this.#state === 'lost') await this.#group.forget(this.#identity);
  }

  async #beat(): Promise<void> {
    const intervalMs = this.#sessionTimeoutMs / CONSUME_HEARTBEATS_PER_SESSION;
    let silent = 0;
    for (;;) {
      await this.#ending.pause(intervalMs);
      if (this.#ending.isOver || this.#state === 'lost') return;
      const beating = this.#group.ask((link) => heartbeat(link, this.#identity)).catch(() => SILENCE);
      const code = await this.#ending.before(beating);
      if (code === undefined) return;
      silent = code === SILENCE ? silent + 1 : 0;
      if (code === Code.rebalanceInProgress) this.rebalance();
      else if (isElsewhere(code)) this.#group.moved();
      else if (code !== Code.none && code !== SILENCE) this.#become('lost');
      // The coordinator has taken its partitions by then.
      if (silent >= CONSUME_HEARTBEATS_PER_SESSION) this.#become('lost');
    }
  }

  #become(state: GenerationState): void {
    if (this.#state === 'lost') return;
    this.#state = state;
    this.#wake();
  }
}

/** No code of Kafka's. */
const SILENCE = Number.MIN_SAFE_INTEGER;

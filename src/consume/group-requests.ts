/**
 * What a consumer asks brokers beside fetches: the requests of group membership and offsets, as kafkajs encodes them, with the
 * error codes as they came. Each rejects when no answer came; the broker may have done what was asked then.
 */
import type { BrokerLink } from '../sinks/kafka/kafkajs-bridge.ts';
import type { Place, Progress } from './contract.ts';
import { formatMetadata } from './contract.ts';

/** What is needed of a connection; sinks/kafka/kafkajs-bridge.ts has it. */
export type GroupLink = Pick<BrokerLink, 'call' | 'address'>;

/** Error codes that decide something (Kafka protocol guide, "Error Codes"). */
export const Code = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopic: 3,
  coordinatorLoading: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  unknownMember: 25,
  rebalanceInProgress: 27,
  memberIdRequired: 79,
} as const;

/** The coordinator is another broker, or none for now; what was asked for was not done. */
export function isElsewhere(code: number): boolean {
  return (
    code === Code.coordinatorLoading || code === Code.coordinatorNotAvailable || code === Code.notCoordinator
  );
}

/** A member of a generation. */
export interface Identity {
  readonly groupId: string;
  readonly generationId: number;
  readonly memberId: string;
}

/** Who commits outside of a group's generations. */
export const NO_MEMBER = { generationId: -1, memberId: '' } as const;

export interface JoinAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  /** For the leader: everyone. */
  readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
}

interface PartitionAnswer {
  readonly partition: number;
  readonly errorCode: number;
  readonly offset: string;
  readonly metadata: string | null;
}

interface TopicsAnswer {
  readonly errorCode?: number;
  readonly responses: readonly { readonly topic: string; readonly partitions: readonly PartitionAnswer[] }[];
}

/** A place with what the broker says of it. */
export interface PlaceAnswer extends Place, PartitionAnswer {}

/** The broker that coordinates the group. */
export async function findCoordinator(
  link: GroupLink,
  groupId: string,
): Promise<{ readonly errorCode: number; readonly coordinator: { readonly nodeId: number } }> {
  return link.call('GroupCoordinator', { groupId });
}

/** Joins; `rebalanceTimeout` is for how long the broker may hold the answer back. */
export async function joinGroup(
  link: GroupLink,
  member: Omit<Identity, 'generationId'>,
  protocol: { readonly name: string; readonly metadata: Buffer },
  timeouts: { readonly sessionTimeout: number; readonly rebalanceTimeout: number },
): Promise<JoinAnswer> {
  return link.call('JoinGroup', {
    ...member,
    ...timeouts,
    protocolType: 'consumer',
    groupProtocols: [protocol],
  });
}

/** Gives or gets the partitions of a generation. */
export async function syncGroup(
  link: GroupLink,
  identity: Identity,
  groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[],
): Promise<{ readonly errorCode: number; readonly memberAssignment: Buffer }> {
  return link.call('SyncGroup', { ...identity, groupAssignment });
}

/** A sign of life; gives an error code. */
export async function heartbeat(
  link: GroupLink,
  { groupId, generationId, memberId }: Identity,
): Promise<number> {
  const request = { groupId, groupGenerationId: generationId, memberId };
  return (await link.call<{ readonly errorCode: number }>('Heartbeat', request)).errorCode;
}

/** Leaves, so that the others need not wait for the session to end. */
export async function leaveGroup(link: GroupLink, { groupId, memberId }: Identity): Promise<void> {
  await link.call('LeaveGroup', { groupId, memberId });
}

/** Commits; gives the worst error code. */
export async function commitOffsets(
  link: GroupLink,
  { groupId, generationId, memberId }: Identity,
  entries: readonly (Place & Progress)[],
): Promise<number> {
  const topics = byTopic(entries, (entry) => ({
    partition: entry.partition,
    offset: String(entry.offset),
    metadata: formatMetadata(entry),
  }));
  const request = { groupId, groupGenerationId: generationId, memberId, topics };
  const answer = await link.call<TopicsAnswer>('OffsetCommit', request);
  return placesOf(answer).find(({ errorCode }) => errorCode !== Code.none)?.errorCode ?? Code.none;
}

/** What was committed of each place; an offset of -1 is none. */
export async function fetchOffsets(
  link: GroupLink,
  groupId: string,
  places: readonly Place[],
): Promise<{ readonly errorCode: number; readonly places: readonly PlaceAnswer[] }> {
  const topics = byTopic(places, ({ partition }) => ({ partition }));
  const answer = await link.call<TopicsAnswer>('OffsetFetch', { groupId, topics });
  const found = placesOf(answer);
  const errorCode = answer.errorCode || found.find((place) => place.errorCode !== Code.none)?.errorCode;
  return { errorCode: errorCode ?? Code.none, places: found };
}

/** Offsets at a time: TIME_EARLIEST or TIME_LATEST. Asked of the partitions' leader. */
export async function listOffsets(
  link: GroupLink,
  places: readonly Place[],
  timestamp: string,
): Promise<readonly PlaceAnswer[]> {
  const topics = byTopic(places, ({ partition }) => ({ partition, timestamp }));
  return placesOf(await link.call<TopicsAnswer>('ListOffsets', { topics }));
}

/** The first record that is kept, and behind the last. */
export const TIME_EARLIEST = '-2';
export const TIME_LATEST = '-1';

/** Entries as requests have them. */
export function byTopic<Entry extends Place, Partition>(
  entries: readonly Entry[],
  partitionOf: (entry: Entry) => Partition,
): { readonly topic: string; readonly partitions: Partition[] }[] {
  const topics = new Map<string, Partition[]>();
  for (const entry of entries) {
    const partitions = topics.get(entry.topic) ?? [];
    topics.set(entry.topic, partitions);
    partitions.push(partitionOf(entry));
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

function placesOf({ responses }: TopicsAnswer): PlaceAnswer[] {
  return responses.flatMap(({ topic, partitions }) =>
    partitions.map((partition) => ({ topic, ...partition })),
  );
}

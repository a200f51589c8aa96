/**
 * Who gets which partitions, as the group's leader decides it (the "consumer" protocol of Kafka's groups): partitions in order,
 * dealt one after the other to the members that read their topic, in the order of their names. Every member decides alike.
 */
import kafkajs from 'kafkajs';
import type { Place } from './contract.ts';
import type { JoinAnswer } from './group-requests.ts';

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;

/** Its name in the group: members must agree on one, and a reader of another kind must not get in. */
export const PROTOCOL_NAME = 'penstock-roundrobin';
const VERSION = 1;

/** What a member tells of itself when it joins. */
export function encodeSubscription(topics: readonly string[]): Buffer {
  return MemberMetadata.encode({ version: VERSION, topics: [...topics], userData: Buffer.alloc(0) });
}

/** The leader's decision. `partitionCount` of a topic that is not known is 0. */
export function assignPartitions(
  members: JoinAnswer['members'],
  partitionCount: (topic: string) => number,
): { readonly memberId: string; readonly memberAssignment: Buffer }[] {
  const readers = members
    .map(({ memberId, memberMetadata }) => ({
      memberId,
      topics: new Set(MemberMetadata.decode(memberMetadata)?.topics ?? []),
      assignment: {} as Record<string, number[]>,
    }))
    .sort((left, right) => (left.memberId < right.memberId ? -1 : 1));
  const topics = [...new Set(readers.flatMap((reader) => [...reader.topics]))].sort();
  let turn = 0;
  for (const topic of topics) {
    const interested = readers.filter((reader) => reader.topics.has(topic));
    for (let partition = 0; partition < partitionCount(topic); partition++) {
      const { assignment } = interested[turn++ % interested.length] as (typeof readers)[number];
      assignment[topic] = [...(assignment[topic] ?? []), partition];
    }
  }
  return readers.map(({ memberId, assignment }) => ({
    memberId,
    memberAssignment: MemberAssignment.encode({ version: VERSION, assignment, userData: Buffer.alloc(0) }),
  }));
}

/** The partitions of a member. */
export function decodeAssignment(bytes: Buffer): Place[] {
  const assignment = bytes.length === 0 ? {} : (MemberAssignment.decode(bytes)?.assignment ?? {});
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}

/** Membership against a coordinator that is told what to answer: what is committed again, what ends a generation, who gets what. */
import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { assignPartitions, decodeAssignment, encodeSubscription } from '../../src/consume/assign.ts';
import { formatMetadata, readProgress, tokenOf } from '../../src/consume/contract.ts';
import { Group, type GroupCluster } from '../../src/consume/group.ts';

const { MemberAssignment } = kafkajs.AssignerProtocol;

type Answers = Record<string, ((request: Record<string, unknown>) => unknown)[]>;

/** Answers come in their order, the last of them again and again; those of the ordinary course where none is given. */
function coordinator(answers: Answers) {
  const asked: [name: string, request: Record<string, unknown>][] = [];
  const assignment = MemberAssignment.encode({
    version: 1,
    assignment: { t: [0, 1] },
    userData: Buffer.alloc(0),
  });
  const usual: Answers = {
    GroupCoordinator: [() => ({ errorCode: 0, coordinator: { nodeId: 1 } })],
    JoinGroup: [
      ({ memberId }) => ({
        errorCode: memberId === '' ? 79 : 0,
        generationId: 5,
        leaderId: 'other',
        memberId: memberId === '' ? `m${asked.length}` : memberId,
        members: [],
      }),
    ],
    SyncGroup: [() => ({ errorCode: 0, memberAssignment: assignment })],
    Heartbeat: [() => ({ errorCode: 0 })],
    LeaveGroup: [() => ({ errorCode: 0 })],
    OffsetCommit: [() => ({ responses: [] })],
  };
  const link = {
    address: 'fake',
    call: async (name: string, request: Record<string, unknown>) => {
      asked.push([name, request]);
      const queue = answers[name] ?? usual[name] ?? [];
      const answer = queue.length > 1 ? queue.shift() : queue[0];
      return answer?.(request);
    },
  };
  const cluster = {
    topic: () => ({ leaders: [1, 1] }),
    require: async () => {},
    node: async () => link,
    someNode: async () => link,
    drop: () => {},
    expire: () => {},
  } as unknown as GroupCluster;
  const group = new Group({
    cluster,
    groupId: 'g',
    topics: ['t'],
    sessionTimeoutMs: 100,
    rebalanceTimeoutMs: 100,
  });
  return { group, asked, count: (name: string) => asked.filter(([one]) => one === name).length };
}

const entry = { topic: 't', partition: 0, offset: 3, end: 9, lineage: '0123456789abcdef' };
const code = (errorCode: number) => () => ({
  responses: [{ topic: 't', partitions: [{ partition: 0, errorCode }] }],
});

test('a member joins under the name that it is given, and gets its partitions', async () => {
  const { group, asked } = coordinator({});
  const generation = await group.join();
  expect(generation.places).toEqual([
    { topic: 't', partition: 0 },
    { topic: 't', partition: 1 },
  ]);
  expect(await generation.commit([entry])).toBe('committed');
  const [, request] = asked.findLast(([name]) => name === 'OffsetCommit') ?? [];
  expect(request).toMatchObject({
    groupId: 'g',
    groupGenerationId: 5,
    topics: [
      { topic: 't', partitions: [{ partition: 0, offset: '3', metadata: 'penstock1 0123456789abcdef 9' }] },
    ],
  });
  await generation.end(true);
  expect(asked.at(-1)?.[0]).toBe('LeaveGroup');
});

test('a commit whose answer does not come is not made again: the member leaves, and joins under another name', async () => {
  const lost = () => {
    throw new Error('connection closed');
  };
  const { group, asked, count } = coordinator({ OffsetCommit: [lost, code(0)] });
  const generation = await group.join();
  expect(await generation.commit([entry])).toBe('lost');
  expect(generation.state).toBe('lost');
  await generation.changed();
  expect(await generation.commit([entry])).toBe('lost');
  expect(count('OffsetCommit')).toBe(1);
  await generation.end(false);
  expect(asked.at(-1)?.[0]).toBe('LeaveGroup');
  const again = await group.join();
  const names = asked.filter(([name]) => name === 'JoinGroup').map(([, { memberId }]) => memberId);
  expect(names).toEqual(['', names[1], '', names[3]]);
  expect(names[3]).not.toBe(names[1]);
  await again.end(true);
});

test('one that certainly was not done is made again; one that is refused ends the generation', async () => {
  const moved = coordinator({ OffsetCommit: [code(16), code(14), code(0)] });
  const generation = await moved.group.join();
  expect(await generation.commit([entry])).toBe('committed');
  expect(moved.count('OffsetCommit')).toBe(3);
  expect(moved.count('GroupCoordinator')).toBe(3);
  await generation.end(true);
  for (const refusal of [22, 25, 27, 7]) {
    const refused = coordinator({ OffsetCommit: [code(refusal), code(0)] });
    const other = await refused.group.join();
    expect(await other.commit([entry])).toBe('lost');
    expect(refused.count('OffsetCommit')).toBe(1);
    await other.end(true);
  }
});

test('a heartbeat tells of a rebalance, in which commits still count, and of a generation that is over', async () => {
  const dealt = coordinator({ Heartbeat: [() => ({ errorCode: 27 })] });
  const generation = await dealt.group.join();
  await generation.changed();
  expect(generation.state).toBe('rebalancing');
  expect(await generation.commit([entry])).toBe('committed');
  await generation.end(false);
  // It joins again under its name.
  expect(dealt.count('LeaveGroup')).toBe(0);
  const over = coordinator({ Heartbeat: [() => ({ errorCode: 25 })] });
  const other = await over.group.join();
  await other.changed();
  expect(other.state).toBe('lost');
  await other.end(false);
});

test('partitions are dealt in turn to those who read their topic, by everyone alike', () => {
  const members = ['b', 'a', 'c'].map((memberId) => ({
    memberId,
    memberMetadata: encodeSubscription(memberId === 'c' ? ['two'] : ['one', 'two']),
  }));
  const deal = (order: readonly number[]) =>
    assignPartitions(
      order.map((index) => members[index] as (typeof members)[number]),
      (topic) => (topic === 'one' ? 3 : 5),
    ).map(({ memberId, memberAssignment }) => [
      memberId,
      decodeAssignment(memberAssignment).map(({ topic, partition }) => `${topic}/${partition}`),
    ]);
  const dealt = deal([0, 1, 2]);
  expect(deal([2, 0, 1])).toEqual(dealt);
  const all = dealt.flatMap(([, places]) => places as string[]);
  expect(all.toSorted()).toEqual(['one/0', 'one/1', 'one/2', 'two/0', 'two/1', 'two/2', 'two/3', 'two/4']);
  expect(dealt.find(([name]) => name === 'c')?.[1]).not.toContainEqual(expect.stringMatching(/^one/));
  expect(decodeAssignment(Buffer.alloc(0))).toEqual([]);
});

test('progress is what its metadata says; anything else is nobody’s', () => {
  const { topic: _, partition: __, ...progress } = entry;
  expect(readProgress(3, formatMetadata(progress))).toEqual(progress);
  for (const metadata of [
    null,
    '',
    'penstock1 0123456789abcdef',
    'penstock1 0123456789abcdef 2',
    'kafka-ui',
  ]) {
    expect(readProgress(3, metadata)).toBeUndefined();
  }
  expect(readProgress(-1, formatMetadata(progress))).toBeUndefined();
  expect(tokenOf(entry, entry.lineage, 3, 9)).toBe('consume-0123456789abcdef-t-0-3-9');
});

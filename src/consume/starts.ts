/** Where the lanes of a generation begin: by what was committed, else by the configuration, under a lineage of their own. */
import { describeErrorCode } from '../sinks/kafka/kafkajs-bridge.ts';
import { newLineage, type Place, type Progress, placeName, readProgress } from './contract.ts';
import type { Generation, GroupCluster } from './group.ts';
import { Code, listOffsets, TIME_EARLIEST, TIME_LATEST } from './group-requests.ts';

export interface Start {
  readonly place: Place;
  readonly progress: Progress;
}

/** What kafka keeps of a partition: the offset of the first record, and the one behind the last. */
export interface OffsetRange {
  readonly earliest: number;
  readonly latest: number;
}

/**
 * The starts of all places of a generation. New ones are committed before they are used, so that whoever comes next has the
 * same lineage, and begins at the same record; `resets` says where some begin anew. Rejects where it cannot be known.
 */
export async function findStarts(
  generation: Generation,
  cluster: GroupCluster,
  from: keyof OffsetRange,
  resets: ReadonlyMap<string, number>,
): Promise<Start[]> {
  const committed = new Map((await generation.committed()).map((answer) => [placeName(answer), answer]));
  const starts: Start[] = [];
  const fresh: (Place & Progress)[] = [];
  for (const place of generation.places) {
    const { offset = '-1', metadata = null } = committed.get(placeName(place)) ?? {};
    const known = resets.has(placeName(place)) ? undefined : readProgress(Number(offset), metadata);
    const progress =
      known ?? beginAt(resets.get(placeName(place)) ?? (await offsetOf(place, Number(offset))));
    if (known === undefined) fresh.push({ ...place, ...progress });
    starts.push({ place, progress });
  }
  if (fresh.length > 0 && (await generation.commit(fresh)) === 'lost') {
    throw new Error('the first offsets of partitions could not be committed');
  }
  return starts;

  async function offsetOf(place: Place, offset: number): Promise<number> {
    return offset >= 0 ? offset : (await findRange(cluster, place))[from];
  }
}

function beginAt(offset: number): Progress {
  return { offset, end: offset, lineage: newLineage() };
}

/** Asks the partition's leader. Rejects where it does not know. */
export async function findRange(cluster: GroupCluster, place: Place): Promise<OffsetRange> {
  await cluster.require([place.topic]);
  const leader = cluster.topic(place.topic)?.leaders[place.partition] ?? -1;
  const link = await cluster.node(leader).catch((error: unknown) => {
    cluster.expire();
    throw error;
  });
  try {
    const [earliest, latest] = await Promise.all(
      [TIME_EARLIEST, TIME_LATEST].map(async (time) => {
        const [answer] = await listOffsets(link, [place], time);
        if (answer?.errorCode === Code.none) return Number(answer.offset);
        cluster.expire();
        throw new Error(`offsets of ${placeName(place)}: ${describeErrorCode(answer?.errorCode ?? -1)}`);
      }),
    );
    return { earliest: earliest as number, latest: latest as number };
  } catch (error) {
    cluster.drop(link);
    throw error;
  }
}

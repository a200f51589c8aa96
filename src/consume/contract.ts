/**
 * How the consumer brings each record of a topic into ClickHouse once, whoever dies in between.
 *
 * A partition is inserted block after block. A block is a range of its offsets, `first` up to but not including `end`, and its
 * name follows from that range alone; ClickHouse drops a block whose name it has (`insert_deduplication_token`):
 *
 *   consume-<lineage>-<topic>-<partition>-<first>-<end>
 *
 * Ranges depend on what a fetch brought, so nobody could guess them. Therefore the range is written down before the insert,
 * with what Kafka keeps for the group: a committed offset and its metadata,
 *
 *   offset     everything before it is in ClickHouse
 *   metadata   "penstock1 <lineage> <end>": the block from offset to `end` may be in ClickHouse; none when end is offset
 *
 * and every block takes these steps, each only when the one before is confirmed:
 *
 *   1 note     commit (first, end)       refused for a generation that is over: the block is dropped, nothing was sent
 *   2 insert   under the token           until ClickHouse has answered; parts of a refused block have tokens of their own
 *   3 letters  what is no event goes to the dead-letter topic
 *   4 done     commit (end, end)
 *
 * Whoever gets the partition begins with (offset, metadata) and makes the noted block first, of the same offsets, under the
 * same token: it counts once whether the one before had inserted it, is still at it, or never began. The same range always
 * gives the same block, because records of a topic do not change and are encoded batch by batch in their order.
 *
 * Two things make a late commit harmless. The coordinator refuses one of another generation. And a commit whose answer was
 * lost is never made again in the same generation, where the lost one could overtake its successors: the member leaves the
 * group and joins anew, under another name.
 *
 * The lineage is 8 random bytes, drawn where a partition is begun without metadata, and kept from there on. Offsets alone are
 * no name: a topic that is made anew counts from 0 again, another cluster does too, and who sets a group's offsets back by
 * hand wants the records once more. All of them begin without metadata, so with another lineage.
 *
 * What this needs: the table remembers the names of the last DEDUPLICATION_WINDOW_BLOCKS blocks (penstock migrate makes it
 * so), and offsets are kept (offsets.retention.minutes) longer than the group stands still.
 */
import { randomBytes } from 'node:crypto';

/** Where a partition is. */
export interface Progress {
  /** Everything before it is in ClickHouse. */
  readonly offset: number;
  /** End of the block that may be there too; `offset` where there is none. */
  readonly end: number;
  readonly lineage: string;
}

/** A partition of a topic. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
}

const METADATA = /^penstock1 ([0-9a-f]{16}) (\d{1,16})$/;
const LINEAGE_BYTES = 8;

/** A new lineage. */
export function newLineage(): string {
  return randomBytes(LINEAGE_BYTES).toString('hex');
}

/** The metadata of a commit. */
export function formatMetadata({ lineage, end }: Progress): string {
  return `penstock1 ${lineage} ${end}`;
}

/** What a committed offset with its metadata says; undefined where another program committed it, or nobody. */
export function readProgress(offset: number, metadata: string | null): Progress | undefined {
  const [, lineage, end] = METADATA.exec(metadata ?? '') ?? [];
  if (lineage === undefined || offset < 0 || Number(end) < offset) return undefined;
  return { offset, end: Number(end), lineage };
}

/** The name of the records from `first` up to but not including `end`. */
export function tokenOf({ topic, partition }: Place, lineage: string, first: number, end: number): string {
  return `consume-${lineage}-${topic}-${partition}-${first}-${end}`;
}

/** A place as one word, for maps and logs. */
export function placeName({ topic, partition }: Place): string {
  return `${topic}/${partition}`;
}

/** How a commit went: `lost` also where nobody knows; the generation is over then. */
export type CommitOutcome = 'committed' | 'lost';

/** What a decoder of bodies is: the contract of this folder's small files. */
import type { BodyKeys, DecoderName } from '../dialects/dialect.ts';
import type { CarriedHead } from '../slab/carried.ts';

/** What of a dialect decoders look at. */
export interface Decodable {
  readonly decoders: readonly DecoderName[];
  readonly envelopeKeys: readonly string[];
  readonly bodyKeys: BodyKeys | undefined;
  /** Members that a body gets from the request's head: names of headers and of query fields, and the keys they get. */
  readonly headMembers: { readonly headers: readonly Named[]; readonly query: readonly Named[] };
}
type Named = readonly [name: string, key: string];

/**
 * Makes the JSON that the scanner takes of a body, or gives the body back when it is none of its kind or cannot be
 * read: the scanner then says what is wrong with it. `body` is a VIEW and may be shared memory; what is returned is
 * the same view, or memory of its own of at most a few times the size.
 */
export type Decoder = (body: Buffer, head: CarriedHead, dialect: Decodable) => Buffer;

/** Bounds of the writable store, as src/limits.ts has those of all else; it gives these on. */
const KiB = 1024;
const MiB = 1024 * KiB;

/** Body of one insert as sent; it goes to disk as it comes. A sink's blocks have 16 MiB, bulk loads far more. */
export const STORE_INSERT_BYTES_MAX = 1024 * MiB;
/** A statement with its rows behind it in one body, which stands in memory whole. */
export const STORE_STATEMENT_BYTES_MAX = 16 * MiB;
/** Of it, where the head of an INSERT must end: names of columns and settings. */
export const STORE_HEAD_BYTES_MAX = 256 * KiB;
/** A body is written to its file in pieces of about this size. */
export const STORE_BODY_CHUNK_BYTES = MiB;
/** Inserts that wait for their turn, each with its body on disk; more are told so at once and come again. */
export const STORE_INSERTS_WAITING_MAX = 64;

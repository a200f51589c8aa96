/**
 * What an answer means today: the event was validated and stands in a worker's memory or in the spool of the
 * embedded store. The journal's levels (`journal`, `fsync`, `delivered`) take this place when it exists; the ack
 * point, between scan and verdict in src/ingest.ts, stays.
 */
export const ACK_LEVEL = 'memory';

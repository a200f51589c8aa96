/** Sections of a configuration with bounds so low that one client reaches them in seconds, while the store stands still. */
export const SMALL_BOUNDS = {
  limits: {
    wire_bytes_max: 500_000,
    body_bytes_max: 1_000_000,
    message_bytes_max: 100_000,
    credit_bytes: 200_000,
  },
  memory: { max_bytes: 16_777_216 },
  journal: { max_bytes: 8_388_608, segment_bytes: 262_144 },
  embedded: { block_bytes_max: 1_048_576 },
} as const;

import { defineConfig } from 'vitest/config';

// Every file starts servers of its own; two at a time is what two cores carry without
// timing tests against each other.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});

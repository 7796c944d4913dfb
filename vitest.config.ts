import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Much of a test is waiting for servers; vitest would run one file at a time on two cores.
    maxWorkers: availableParallelism() + 1,
    reporters: ['default', './deploy/tally.ts'],
    projects: [
      {
        // What each hop shows of its own timing, so alone and first.
        test: {
          name: 'hops',
          include: ['deploy/conformance.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 0 },
          testTimeout: 30_000,
          hookTimeout: 90_000,
        },
      },
      {
        // Beside what they test. Those that need a server start their own.
        test: {
          name: 'parts',
          sequence: { groupOrder: 1 },
          include: ['{proto,libs,services}/**/*.test.ts', 'deploy/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'deploy/journeys/**', 'deploy/conformance.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 90_000,
        },
      },
      {
        // The assembled system.
        test: {
          name: 'journeys',
          sequence: { groupOrder: 1 },
          include: ['deploy/journeys/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

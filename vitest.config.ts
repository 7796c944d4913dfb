import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Most of a test is waiting for servers, and vitest would leave one of two cores idle.
    maxWorkers: Math.max(2, availableParallelism()),
    reporters: ['default', './deploy/tally.ts'],
    projects: [
      {
        // Beside what they test. Those that need a server start their own.
        test: {
          name: 'parts',
          include: ['{proto,libs,services}/**/*.test.ts', 'deploy/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'deploy/journeys/**'],
          testTimeout: 30_000,
          hookTimeout: 90_000,
        },
      },
      {
        // The assembled system.
        test: {
          name: 'journeys',
          include: ['deploy/journeys/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

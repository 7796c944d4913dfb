import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
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
        // The assembled system, one file after the other.
        test: {
          name: 'journeys',
          include: ['deploy/journeys/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

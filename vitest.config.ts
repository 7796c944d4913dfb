import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Journeys take longest: begun last, one would still run when all else is done. */
class JourneysFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isPart = ({ project }: TestSpecification): boolean => project.name === 'parts';
    return (await super.sort(files)).sort((a, b) => Number(isPart(a)) - Number(isPart(b)));
  }
}

const proofs = [
  'deploy/journeys/faults.test.ts',
  'deploy/journeys/every-key.test.ts',
  'deploy/journeys/limits.test.ts',
  'deploy/journeys/own-pack.test.ts',
  'deploy/import/volume.test.ts',
  'deploy/isolation.test.ts',
];
/** Of the assembled system. */
const patience = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    // Much of a test is waiting for servers; vitest would run one file at a time on two cores.
    maxWorkers: availableParallelism() + 1,
    globalSetup: './deploy/test-setup.ts',
    sequence: { sequencer: JourneysFirst },
    reporters: ['default', './deploy/tally.ts'],
    projects: [
      {
        // Beside what they test. Those that need a server start their own.
        test: {
          name: 'parts',
          include: ['{proto,libs,services}/**/*.test.ts', 'deploy/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'deploy/journeys/**', ...proofs],
          // Files in one worker share what they import: loading it was a third of what they cost.
          isolate: false,
          testTimeout: 30_000,
          hookTimeout: 90_000,
        },
      },
      {
        test: {
          name: 'journeys',
          include: ['deploy/journeys/*.test.ts'],
          exclude: proofs,
          ...patience,
        },
      },
      // Services are killed under load, servers taken away, every key replaced, limits waited for, whole data sets imported, and all
      // that somebody with a service's credentials may try is tried, a tree with a pack more started: minutes, so `npm test` leaves them to
      // `npm run proof:faults`, `proof:keys`, `proof:limits`, `proof:import`, `proof:isolation` and `proof:pack`.
      { test: { name: 'proofs', include: proofs, ...patience } },
    ],
  },
});

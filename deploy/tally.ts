import type { Reporter, TestModule } from 'vitest/node';

/** Closes a test run with one plain line that any program can read: `12 passed, 0 failed, 1 skipped`. */
export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: string): number => states.filter((one) => one === state).length;
    const broken = modules.filter(
      (module) => module.errors().length > 0 && module.children.size === 0,
    ).length;
    const line = `${count('passed')} passed, ${count('failed') + broken} failed, ${count('skipped')} skipped`;
    // After vitest's own closing lines, which come later.
    process.on('exit', () => console.log(line));
  }
}

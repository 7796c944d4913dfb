import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs, styleText } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Measured, type Name, sections } from './sections.ts';

/** `npm run eval`: how well questions are understood, in what time, and how well texts are found. */

const names = Object.keys(sections) as Name[];
const isName = (name: string): name is Name => names.includes(name as Name);

const { only = names.join() } = parseArgs({ options: { only: { type: 'string' } } }).values;
const asked = only.split(',');
if (!asked.every(isName)) {
  console.error(`--only takes ${names.join(', ')}, several with a comma between`);
  process.exit(1);
}

const measure = async (name: Name): Promise<void> => {
  const from = performance.now();
  console.error(`${name}: begun`);
  const worker = new Worker(new URL('section.ts', import.meta.url), { workerData: name });
  const [{ shown, skipped }] = (await once(worker, 'message')) as [Measured];
  console.error(`${name}: ${((performance.now() - from) / 1000).toFixed(0)} s`);
  if (shown !== '') console.log(`${styleText('bold', name)}\n${shown}`);
  missing.push(...skipped);
};

const missing: string[] = [];
// What takes longest goes first. Times are measured when nothing else is.
const longest: readonly Name[] = ['attacks', 'cosibot', 'clinc150'];
const waiting = [...new Set([...longest, ...names])].filter(
  (name) => asked.includes(name) && name !== 'pace',
);
const measureWaiting = async (): Promise<void> => {
  for (let next = waiting.shift(); next; next = waiting.shift()) await measure(next);
};
await Promise.all(Array.from({ length: availableParallelism() }, measureWaiting));
if (asked.includes('pace')) await measure('pace');

for (const what of missing)
  console.error(styleText('yellow', `SKIPPED: ${what}: not on this machine, NOT measured`));
console.error(`${missing.length} sets skipped`);

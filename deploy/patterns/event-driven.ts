import { collect, heardBy } from '../topology.ts';
import { type Demonstration, expectThat } from './demonstration.ts';
import { asker } from './question.ts';

/** A question is answered by services that know nothing of each other: each hears a fact and says the next. */
export const show: Demonstration = async (stage) => {
  const ask = await asker(stage);
  const { run, steps } = await ask('quantas consultas tenho amanhã?');
  stage.say(`run ${run}`);
  for (const { fact, saidBy, tookMs } of steps)
    stage.say(`${fact}, said by ${saidBy.join(' or ')} after ${tookMs} ms`);
  const facts = steps.map(({ fact }) => fact);
  expectThat(
    facts.join() === 'run.understood,run.permitted,run.fetched,run.answered',
    `its facts are ${facts.join(', ')}`,
  );
  expectThat(
    new Set(steps.map(({ saidBy }) => saidBy.at(-1))).size === steps.length,
    'one service said two facts',
  );
  const also = (await collect()).filter(
    (contract) => contract.kind === 'sink' && heardBy(contract).some(({ name }) => name === 'run.fetched'),
  );
  stage.say(`${also.map(({ name }) => name).join(', ')} heard run.fetched too, and nobody had to know`);
};

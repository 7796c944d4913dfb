import { type Demonstration, expectThat } from './demonstration.ts';
import { asker } from './question.ts';

/** What was read is found again by who may read it, and the run says so. */
export const show: Demonstration = async (stage) => {
  const ask = await asker(stage);
  const read = async (which: string): Promise<boolean> => {
    const { steps } = await ask('quantas consultas tenho em 14 de março de 2024?');
    const fetched = steps.find(({ fact }) => fact === 'run.fetched');
    expectThat(fetched !== undefined, 'nothing was read');
    stage.say(`${which}: ${fetched.outcome}, ${fetched.tookMs} ms`);
    return fetched.outcome.includes('cached');
  };
  await read('asked');
  expectThat(await read('asked again'), 'what had just been read was read again');
};

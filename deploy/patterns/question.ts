import { z } from 'zod';
import { accountOf, readAccounts } from '../cli/accounts.ts';
import { readStory } from '../cli/run.ts';
import { post, refusalOf, signIn } from '../cli/sign-in.ts';
import type { Story } from '../cli/story.ts';
import { readLocal } from '../local.ts';
import { collect } from '../topology.ts';
import { expectThat, type Stage } from './demonstration.ts';

const answer = z.object({ runId: z.string() });
const alias = 'professional';

/** Asks as a demo account. Each question gives the story of its run, once it has an end. @throws Failure, NotShown */
export const asker = async ({ operator }: Stage): Promise<(query: string) => Promise<Story>> => {
  const { edgeUrl } = readLocal();
  const access = await signIn(edgeUrl, accountOf(readAccounts(), alias));
  const contracts = await collect();
  return async (query) => {
    const headers = { authorization: `Bearer ${await access()}` };
    const response = await post(`${edgeUrl}/v1/query`, { query }, headers);
    if (!response.ok) expectThat(false, `the question was refused: ${(await refusalOf(response)).code}`);
    const { runId } = answer.parse(await response.json());
    return readStory(operator.jsm, contracts, runId);
  };
};

import { type Decide, emit } from '@jangada/hop/hop.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { contract } from './contract.ts';

/** Says that it is stored. */
export const decide: Decide<typeof contract, Pick<Pass, 'loc'>> = ({ run, rating, comment }, { loc }) =>
  emit(feedback.recorded, { run, rating, hasComment: comment !== undefined, locale: loc });

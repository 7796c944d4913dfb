import type { Pass } from '@jangada/trust/pass.ts';
import { allowedOf } from './client-tools.ts';

/** What whoever asks wants to be told of their run beside its answer. */
export interface Wishes {
  /** Each step that it takes. */
  readonly steps?: true | undefined;
  /** What it has come to. */
  readonly state?: true | undefined;
  /** The reading of rows, as an activity. */
  readonly activity?: true | undefined;
  /** Names of tools of the client's, by which its answer may be shown. */
  readonly tools?: readonly string[] | undefined;
}

/** The wishes that a pass carries. `onIgnored` is told of tools that the pack does not allow. */
export const wishesOf = (
  { steps, state, activity, tools: offered = [] }: Wishes,
  pack: string,
  onIgnored: (count: number) => void,
): Pick<Pass, keyof Wishes> => {
  const tools = allowedOf(offered, pack);
  onIgnored(offered.length - tools.length);
  return {
    ...(steps ? { steps } : {}),
    ...(state ? { state } : {}),
    ...(activity ? { activity } : {}),
    ...(tools.length > 0 ? { tools } : {}),
  };
};

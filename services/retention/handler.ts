import type { Heard } from '@jangada/runtime/heard.ts';

/** One occasion on which a tenant's rules are applied. */
export interface Tick {
  readonly tenant: string;
  /** The same for every delivery of one occasion: the day of a scheduled tick, the message of one asked for. */
  readonly id: string;
  readonly at: Date;
}

/** What a tick stands for. A broker that was away fires once when it is back, under the day it is back. */
export const tickOf = ({ tenant, schedule, sequence, storedAt }: Heard): Tick => ({
  tenant,
  id: schedule ? storedAt.toISOString().slice(0, 10) : `asked-${sequence}`,
  at: storedAt,
});

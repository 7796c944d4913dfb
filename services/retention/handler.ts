import type { Body } from '@jangada/proto/message.ts';
import { type due, idle } from '@jangada/proto/retention.ts';
import type { Heard } from '@jangada/runtime/heard.ts';

/** One occasion on which a tenant's rules are applied, or its idle sessions ended. */
export interface Tick {
  readonly tenant: string;
  readonly of: 'rules' | 'sessions';
  /** The same for every delivery of one occasion: the day of a scheduled tick, the message of one asked for. */
  readonly id: string;
  readonly at: Date;
}

/** What a tick stands for. A broker that was away fires once when it is back, under the day it is back. */
export const tickOf = ({ message, tenant, schedule, sequence, storedAt }: Heard): Tick => ({
  tenant,
  of: message === idle ? 'sessions' : 'rules',
  id: schedule ? storedAt.toISOString().slice(0, 10) : `asked-${sequence}`,
  at: storedAt,
});

/** True when a tick has waited too long: what it stood for is over, and the next one does all of its work. */
export const isStale = ({ at }: Tick, { staleAfterSeconds }: Body<typeof due>, now: Date): boolean =>
  now.getTime() - at.getTime() > staleAfterSeconds * 1_000;

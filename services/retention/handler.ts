import type { Body } from '@jangada/proto/message.ts';
import { type due, idle, type planned, type swept } from '@jangada/proto/retention.ts';
import type { Heard } from '@jangada/runtime/heard.ts';
import type { Plan } from './plan.ts';

/** One occasion on which a tenant's rules are applied, or its idle sessions ended. */
export interface Tick {
  readonly tenant: string;
  readonly of: 'rules' | 'sessions';
  /** The message of one that was asked for; a scheduled one stands for the day that it is where the tenant is. */
  readonly asked: string | undefined;
  /** Who asked; the schedule, or else whoever operates the system, where nobody is named. */
  readonly askedBy: string;
  readonly at: Date;
}

/** What a tick stands for. A broker that was away fires once when it is back, under the day it is back. */
export const tickOf = (
  { message, tenant, schedule, sequence, storedAt }: Heard,
  body: Body<typeof due | typeof idle>,
): Tick => ({
  tenant,
  of: message === idle ? 'sessions' : 'rules',
  asked: schedule ? undefined : `asked-${sequence}`,
  askedBy: ('askedBy' in body && body.askedBy) || (schedule ? 'schedule' : 'operator'),
  at: storedAt,
});

const dayOf = (at: Date | string, zone: string): string =>
  Temporal.Instant.from(new Date(at).toISOString()).toZonedDateTimeISO(zone).toPlainDate().toString();

/** The same for every delivery of one occasion, and another for another. */
export const occasionOf = ({ asked, at }: Pick<Tick, 'asked' | 'at'>, zone: string): string =>
  asked ?? dayOf(at, zone);

/** True when a tick has waited too long: what it stood for is over, and the next one does all of its work. */
export const isStale = (
  { at }: Pick<Tick, 'at'>,
  { staleAfterSeconds }: Pick<Body<typeof due>, 'staleAfterSeconds'>,
  now: Date,
): boolean => now.getTime() - at.getTime() > staleAfterSeconds * 1_000;

/** More of a class than this, and one person's rule is not enough. */
const shareMax = 0.05;
/** More than so many times what is usual. */
const jumpFactor = 3;

type Needs = Body<typeof planned>['plans'][number]['needs'];

/** Why a second person has to agree to a plan; undefined where nobody has to. */
export const needsOf = ({
  planned: count,
  of,
  isKnown,
  before,
}: {
  readonly planned: number;
  /** Rows of the class, at least: no more are counted than tell whether the plan is a small part of them. */
  readonly of: number;
  /** The same rule was carried out before. */
  readonly isKnown: boolean;
  /** What the last five runs planned, or as many as there were. */
  readonly before: readonly number[];
}): Needs => {
  if (count === 0) return undefined;
  if (!isKnown) return 'new-policy';
  if (count > of * shareMax) return 'share';
  const median = [...before].sort((one, other) => one - other)[2];
  return before.length === 5 && median !== undefined && count > jumpFactor * Math.max(median, 1)
    ? 'jump'
    : undefined;
};

/** One class of a report. It balances, or is partial. */
export const lineOf = (
  plan: Pick<Plan, 'class' | 'before' | 'policy' | 'planned' | 'root' | 'needs'>,
  counts: Readonly<Partial<Record<string, number>>>,
  approvedBy: string | undefined,
  zone: string,
): Body<typeof swept>['rules'][number] => {
  const { deleted = 0, changed = 0, held = 0, statutory = 0, open = 0 } = counts;
  const isWaiting = plan.needs !== null && approvedBy === undefined;
  // What nobody came to, because the rule is another now or another run took over, was not carried out either.
  const failed = (counts['failed'] ?? 0) + (isWaiting ? 0 : open);
  const isWhole = deleted + changed === plan.planned;
  return {
    class: plan.class,
    before: dayOf(plan.before, zone),
    deleted,
    ...(changed > 0 ? { changed } : {}),
    planned: plan.planned ?? 0,
    held,
    statutory,
    failed,
    policy: plan.policy,
    root: plan.root?.toString('hex') ?? '',
    state: isWaiting ? 'waiting' : isWhole ? 'complete' : 'partial',
    ...(plan.needs ? { needs: plan.needs } : {}),
    ...(approvedBy ? { approvedBy } : {}),
  };
};

import { ConfigError } from '@jangada/config/config.ts';
import { emit } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import type { Outside } from '@jangada/outside/outside.ts';
import { openWebhook, type Webhook } from '@jangada/outside/webhook.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { packs } from '@jangada/packs/registry.ts';
import { type Confirmation, confirmation, notified, type Receipt } from '@jangada/proto/privacy.ts';
import { type Resilience, wasRejected } from '@jangada/runtime/resilience.ts';
import { type Transaction, written } from '@jangada/store/store.ts';
import type { Recipient } from '@jangada/store/tables.ts';
import { sql } from 'kysely';
import type { Context, Request } from './request.ts';

/**
 * Those whom data were passed on to have to do the same with them (LGPD, art. 18, § 6). Who has a webhook is told by it, again
 * until they answer with a receipt that agrees with what they were given; of the others somebody says that they were told.
 */

/** Classes of which something is gone or was corrected. */
const touchedIn = (receipts: readonly Receipt[]): ReadonlySet<string> =>
  new Set(
    receipts
      .filter(({ deleted, anonymised, changed }) => deleted + anonymised + changed > 0)
      .map((receipt) => receipt.class),
  );

/** What of it each was given, by their name. */
const passedOn = (
  pack: Pack,
  receipts: readonly Receipt[],
): readonly { readonly name: string; readonly classes: readonly string[] }[] => {
  const touched = touchedIn(receipts);
  return (pack.recipients ?? [])
    .map(({ name, classes }) => ({ name, classes: classes.filter((one) => touched.has(one)) }))
    .filter(({ classes }) => classes.length > 0);
};

/** Whom the tenant has passed on something of what is gone or was corrected. */
export const recipientsOf = (pack: Pack, receipts: readonly Receipt[]): readonly Recipient[] =>
  passedOn(pack, receipts).map(({ name }) => ({ name }));

/**
 * By `<tenant>/<recipient>`. @throws ConfigError for a recipient that no pack names, an address that may not be called, or one that
 * nothing would be signed for
 */
export const openRecipients = ({
  urls,
  keys,
  outside,
  policyOf,
}: {
  readonly urls: Readonly<Record<string, string>>;
  /** By tenant. */
  readonly keys: Readonly<Record<string, string>>;
  readonly outside: Outside;
  /** Made once for each of them: who is away rests alone. */
  readonly policyOf: (name: string) => Resilience;
}): ReadonlyMap<string, Webhook> => {
  const known = new Set(packs.flatMap(({ recipients = [] }) => recipients.map(({ name }) => name)));
  return new Map(
    Object.entries(urls).map(([name, address]) => {
      const [tenant = '', recipient = ''] = name.split('/');
      if (!known.has(recipient))
        throw new ConfigError(`cannot start:\n  RECIPIENT_URLS: no pack passes anything on to ${recipient}`);
      const to = { setting: 'RECIPIENT_URLS', tenant, address, key: keys[tenant], outside };
      return [name, openWebhook({ ...to, policy: policyOf(`recipient ${name}`) })];
    }),
  );
};

/** From a minute to six hours: nobody is asked every minute for fifteen days. */
const restMs = (tries: number): number => Math.min(60_000 * 2 ** (tries - 1), 6 * 3_600_000);

const isDue = ({ told, notice }: Recipient): boolean => {
  if (told || notice?.outcome === 'refused') return false;
  return !notice || Date.now() >= Date.parse(notice.at) + restMs(notice.tries);
};

type Outcome =
  | { readonly outcome: 'confirmed'; readonly classes: Confirmation['classes'] }
  | { readonly outcome: NonNullable<Recipient['notice']>['outcome'] };

/**
 * Tells those who have a webhook and do not know it yet, all at once: who is away holds up none of the others. True where one of
 * them has confirmed it.
 */
export const notify = async (context: Context, pack: Pack, request: Request): Promise<boolean> => {
  const classesOf = new Map(passedOn(pack, request.receipts).map(({ name, classes }) => [name, classes]));
  const confirmed = await Promise.all(
    request.recipients.filter(isDue).map(async (recipient) => {
      const webhook = context.webhookOf(recipient.name);
      if (!webhook) return false;
      const classes = classesOf.get(recipient.name) ?? [];
      const came = await tell(webhook, request, recipient.name, classes);
      if (!came) return false;
      await say(context, request, recipient, came);
      await context.store.within({ tenant: context.tenant }, (transaction) =>
        record(transaction, request, recipient, came),
      );
      return came.outcome === 'confirmed';
    }),
  );
  return confirmed.includes(true);
};

/** Undefined where they were not asked, since they rest after attempts that failed: that is no try. */
const tell = async (
  webhook: Webhook,
  { tenant_id: tenant, id, type, subject_id: subject, history }: Request,
  recipient: string,
  classes: readonly string[],
): Promise<Outcome | undefined> => {
  const timestamp = history.find(({ state }) => state === 'verified')?.at;
  // Whom it is about, by the id that their data were passed on with; nothing else of them.
  const data = { tenant, recipient, request: id, subject, classes };
  try {
    const answer = await webhook.post(
      `${id}-${recipient}`,
      JSON.stringify({ type: `privacy.${type}`, timestamp, data }),
    );
    return answer === undefined ? { outcome: 'refused' } : judged(answer, id, classes);
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    return wasRejected(error.cause) ? undefined : { outcome: 'away' };
  }
};

/** Without a receipt it was taken, and is not known to be done. */
const judged = (answer: string, request: string, classes: readonly string[]): Outcome => {
  const receipt = receiptIn(answer);
  if (!receipt) return { outcome: 'taken' };
  const agrees =
    receipt.request === request &&
    Object.keys(receipt.classes).sort().join() === [...classes].sort().join() &&
    Object.values(receipt.classes).every(({ kept, basis }) => kept === 0 || basis !== undefined);
  return agrees ? { outcome: 'confirmed', classes: receipt.classes } : { outcome: 'differs' };
};

const receiptIn = (answer: string): Confirmation | undefined => {
  try {
    return confirmation.safeParse(JSON.parse(answer)).data;
  } catch {
    return undefined;
  }
};

/** Leaves alone what somebody has said meanwhile. */
const record = async (
  transaction: Transaction,
  { tenant_id: tenant, id }: Request,
  { name, notice }: Recipient,
  came: Outcome,
): Promise<void> => {
  const at = new Date().toISOString();
  const known =
    came.outcome === 'confirmed'
      ? { told: { by: 'webhook', at, classes: came.classes } }
      : { notice: { at, tries: (notice?.tries ?? 0) + 1, outcome: came.outcome } };
  await transaction.rows(
    written(sql`
      update privacy_requests set recipients = (
        select jsonb_agg(case when one->>'name' = ${name} and one->'told' is null
          then one || ${JSON.stringify(known)}::jsonb else one end)
        from jsonb_array_elements(recipients) as one)
      where tenant_id = ${tenant} and id = ${id}`),
  );
};

/** Tells audit what it came to, once; what is still to come is no news. */
const say = async (
  { say: fact }: Context,
  { id: request }: Request,
  { name: recipient }: Recipient,
  came: Outcome,
): Promise<void> => {
  if (came.outcome === 'taken' || came.outcome === 'away') return;
  const classes =
    came.outcome === 'confirmed'
      ? Object.fromEntries(
          Object.entries(came.classes).map(([name, { done, kept }]) => [name, { done, kept }]),
        )
      : undefined;
  await fact(
    `${request}-${recipient}-${came.outcome}`,
    emit(notified, { request, recipient, outcome: came.outcome, ...(classes ? { classes } : {}) }),
  );
};

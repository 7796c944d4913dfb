import type { Pack } from '@jangada/packs/pack.ts';
import { peopleOf } from '@jangada/packs/rules.ts';
import type { Code } from '@jangada/proto/errors.ts';
import { deadlineDays } from '@jangada/proto/privacy.ts';
import { queries, type Transaction, written } from '@jangada/store/store.ts';
import type { CoreTables, Sealed } from '@jangada/store/tables.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { emergencies, privacyRequests } from '@jangada/vault/core.ts';
import type { Place } from '@jangada/vault/field.ts';
import type { KeyClass } from '@jangada/vault/keys.ts';
import type { Vault } from '@jangada/vault/vault.ts';
import { sql } from 'kysely';
import { type Change, refusalOf } from './checks.ts';
import { lifecycle } from './lifecycle.ts';

const db = queries<CoreTables>();

/** Who gives a command, and what carrying it out takes. */
export interface Given {
  readonly pass: Pass;
  readonly pack: Pack;
  readonly vault: Vault;
  readonly bodies: Bodies;
  /** The tenant has a database of its own. */
  readonly apart: boolean;
}

/** What came of a command: a code where it was refused, and when what was changed ends by itself. */
export interface Result {
  readonly refused: Code | undefined;
  readonly until: string | undefined;
}

/** Decides on a change of who may do what, and makes it. */
export const change = async (
  transaction: Transaction,
  given: Given & { readonly command: Change },
): Promise<Result> => {
  const { command, pass, pack, apart } = given;
  const known = await factsIn(transaction, given);
  const refused =
    refusalOf({
      pack,
      command,
      apart,
      role: pass.rol,
      person: pass.per,
      assurance: pass.acr,
      signedInMsAgo: Date.now() - pass.auth_time,
      ...known,
    }) ?? (await effects[command.action](transaction, given, command as never));
  const until =
    !refused && command.action === 'break_glass'
      ? new Date(Date.now() + holdsMs(pack)).toISOString()
      : undefined;
  return { refused, until };
};

const holdsMs = ({ emergency }: Pack): number => emergency?.holdsMs ?? 0;

const factsIn = async (
  transaction: Transaction,
  { command, pass, pack }: Given & { readonly command: Change },
): Promise<{ inTenant: boolean; inCare: boolean }> => {
  const people = peopleOf(pack);
  // What is about a class of data is about nobody.
  if (!people || !('subjectId' in command)) return { inTenant: false, inCare: false };
  const provider =
    'providerId' in command && people.providers
      ? sql` and exists (select from ${sql.table(people.providers)} where id = ${command.providerId})`
      : sql``;
  // Whom a review is about stands in the request.
  if (!('subjectId' in command)) return { inTenant: true, inCare: false };
  const [known] = await transaction.rows(
    written(sql<{ inTenant: boolean; inCare: boolean }>`
      select exists (select from ${sql.table(people.table)} where id = ${command.subjectId})${provider} as "inTenant",
        exists (
          select from care_relationships
          where provider_id = ${pass.per ?? ''} and subject_id = ${command.subjectId}
            and valid_from <= now() and (valid_to is null or valid_to > now())) as "inCare"`),
  );
  return known ?? { inTenant: false, inCare: false };
};

export type Effect<A extends Change['action']> = (
  transaction: Transaction,
  given: Given,
  command: Extract<Change, { action: A }>,
) => Promise<Code | undefined>;

const record = async (
  transaction: Transaction,
  { pass }: Given,
  entry: Pick<Consents, 'subject_id' | 'action' | 'level' | 'holds' | 'basis' | 'channel'>,
): Promise<undefined> => {
  await transaction.rows(
    db.insertInto('consents').values({ tenant_id: pass.tid, id: pass.rid, recorded_by: pass.sub, ...entry }),
  );
};
type Consents = CoreTables['consents'];

/** Null for a person whose data were erased: nothing is sealed for them again. */
const sealed = async (
  transaction: Transaction,
  vault: Vault,
  place: Place,
  kept: KeyClass,
  text: string,
): Promise<Sealed<string> | null> => {
  const holder = { subject: place.subject, class: kept };
  using sealer = await vault.sealer(place.tenant, [holder], transaction);
  if (!sealer.accepts(holder)) return null;
  return sealer.seal(place, kept, text);
};

/** What each command does; a code where what is there already stands in its way. */
const effects: { readonly [A in Change['action']]: Effect<A> } = {
  give_consent: (transaction, given, { subjectId, level, basis, channel }) =>
    record(transaction, given, {
      subject_id: subjectId,
      action: 'given',
      level,
      holds: level,
      basis: given.pass.per === subjectId ? 'person' : basis,
      channel,
    }),
  // What lies below the level that is taken back stays, as far as it was given.
  withdraw_consent: async (transaction, given, { subjectId, level, channel }) => {
    const { levels } = given.pack.consent;
    const [now] = await transaction.rows(
      db.selectFrom('consent_levels').select('level').where('subject_id', '=', subjectId),
    );
    const held = now?.level ? levels.indexOf(now.level) : -1;
    const left = Math.min(held, levels.indexOf(level) - 1);
    return record(transaction, given, {
      subject_id: subjectId,
      action: 'withdrawn',
      level,
      holds: levels[left] ?? null,
      basis: 'person',
      channel,
    });
  },
  open_relationship: async (transaction, { pass }, { providerId, subjectId, basis, until }) => {
    const opened = await transaction.rows(
      written(sql`
        insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to, opened_by, command)
        select ${pass.tid}, ${providerId}, ${subjectId}, ${basis}, now(), ${until ?? null}::timestamptz, ${pass.sub}, ${pass.rid}
        where coalesce(${until ?? null}::timestamptz > now(), true)
        on conflict do nothing returning command`),
    );
    return opened.length > 0 ? undefined : 'INPUT_INVALID';
  },
  // One that has not begun yet will not.
  close_relationship: async (transaction, _given, { providerId, subjectId }) => {
    const closed = await transaction.rows(
      written(sql`
        update care_relationships set valid_to = greatest(now(), valid_from)
        where provider_id = ${providerId} and subject_id = ${subjectId} and (valid_to is null or valid_to > now())
        returning subject_id`),
    );
    return closed.length > 0 ? undefined : 'INPUT_INVALID';
  },
  break_glass: async (transaction, { pass, pack, vault }, { subjectId, reason, explanation }) => {
    const until = sql<string>`now() + ${holdsMs(pack) / 1_000} * interval '1 second'`;
    const opened = await transaction.rows(
      written(sql`
        insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to, opened_by, command)
        values (${pass.tid}, ${pass.per ?? ''}, ${subjectId}, 'break_glass', now(), ${until}, ${pass.sub}, ${pass.rid})
        on conflict do nothing returning command`),
    );
    if (opened.length === 0) return 'INPUT_INVALID';
    const { class: kept } = emergencies.columns.explanation;
    const at = { table: emergencies.name, column: 'explanation', row: pass.rid };
    const place = { tenant: pass.tid, subject: subjectId, ...at };
    await transaction.rows(
      db.insertInto('emergencies').values({
        tenant_id: pass.tid,
        id: pass.rid,
        provider_id: pass.per ?? '',
        subject_id: subjectId,
        reason,
        explanation: await sealed(transaction, vault, place, kept, explanation),
        until,
      }),
    );
    return undefined;
  },
  open_privacy_request: async (transaction, { pass, vault }, { subjectId, type, recipient, corrections }) => {
    const { class: kept } = privacyRequests.columns.details;
    const at = { table: privacyRequests.name, column: 'details', row: pass.rid };
    const place = { tenant: pass.tid, subject: subjectId, ...at };
    await transaction.rows(
      db.insertInto('privacy_requests').values({
        tenant_id: pass.tid,
        id: pass.rid,
        subject_id: subjectId,
        type,
        identity: pass.per === subjectId ? 'second_factor' : 'document',
        opened_by: pass.sub,
        recipient,
        details: corrections
          ? await sealed(transaction, vault, place, kept, JSON.stringify(corrections))
          : null,
        deadline_at: new Date(Date.now() + deadlineDays * 86_400_000),
      }),
    );
    return undefined;
  },
  // Nobody reviews what they asked for themselves, or what is about them.
  review_privacy_request: async (transaction, { pass }, { request, approved, basis }) => {
    const reviewed = await transaction.rows(
      written(sql`
        update privacy_requests set reviewed_by = ${pass.sub}, approved = ${approved}, review_basis = ${basis ?? null}
        where id = ${request} and state = 'legal_review' and approved is null
          and opened_by <> ${pass.sub} and subject_id <> ${pass.per ?? ''}
        returning id`),
    );
    return reviewed.length > 0 ? undefined : 'INPUT_INVALID';
  },
  tell_privacy_recipient: async (transaction, { pass }, { request, recipient }) => {
    const told = JSON.stringify({ told: { by: pass.sub, at: new Date().toISOString() } });
    const changed = await transaction.rows(
      written(sql`
        update privacy_requests set recipients = (
          select jsonb_agg(case when one->>'name' = ${recipient} and one->'told' is null then one || ${told}::jsonb else one end)
          from jsonb_array_elements(recipients) as one)
        where id = ${request} and recipients @> jsonb_build_array(jsonb_build_object('name', ${recipient}::text)) returning id`),
    );
    return changed.length > 0 ? undefined : 'INPUT_INVALID';
  },
  ...lifecycle,
};

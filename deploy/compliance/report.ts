import type { Pack } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Rule, Severity } from '@jangada/proto/alert.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import { connect, type Transaction, written } from '@jangada/store/store.ts';
import { sql } from 'kysely';
import { Failure } from '../cli/failure.ts';
import { readLocal } from '../local.ts';
import { operatorVault } from '../vault.ts';
import { type Regime, rulesOf } from './regimes.ts';
import { type Processing, registerOf } from './register.ts';

/** One access to somebody's data, as the trail has it. */
interface Access {
  readonly at: string;
  readonly actor: string;
  readonly role: string | null;
  readonly purpose: string | null;
  readonly resource: string | null;
  readonly run: string;
}

/** What whoever answers for a tenant's data is to know of it. */
export interface Report {
  readonly tenant: string;
  /** What the tenant is called, where its clocks are and which language it speaks. */
  readonly name: string;
  readonly zone: string;
  readonly locale: Locale;
  readonly pack: string;
  readonly regime: Regime;
  /** False where the pack does not say that it is written for it. */
  readonly isDeclared: boolean;
  readonly at: string;
  /** How far back accesses and alerts go. */
  readonly days: number;
  readonly register: readonly Processing[];
  /** Readings by role, purpose and kind of data. */
  readonly reads: readonly {
    readonly role: string | null;
    readonly purpose: string | null;
    readonly resource: string | null;
    readonly count: number;
  }[];
  readonly refusals: readonly { readonly code: string; readonly count: number }[];
  readonly alerts: readonly { readonly rule: Rule; readonly severity: Severity; readonly count: number }[];
  /** People by the level of consent that holds; null where none does. */
  readonly consents: readonly { readonly level: string | null; readonly people: number }[];
  readonly retention: {
    readonly rules: readonly { readonly class: string; readonly keep: string; readonly isHeld: boolean }[];
    /** The last time that they were applied. */
    readonly sweptAt: string | null;
  };
  /** Where it is about one person. */
  readonly subject?: {
    readonly id: string;
    readonly accesses: readonly Access[];
    readonly emergencies: readonly {
      readonly at: string;
      readonly provider: string;
      readonly reason: string;
    }[];
    readonly consents: readonly {
      readonly at: string;
      readonly action: string;
      readonly level: string;
      readonly basis: string;
      readonly channel: string;
    }[];
  };
}

interface Asked {
  readonly tenant: string;
  readonly regime: Regime;
  readonly days: number;
  /** The id of a person. */
  readonly subject?: string;
}

/** @throws Failure for a tenant that there is not, Unavailable, Unprocessable */
export const reportOf = async (asked: Asked, at: Date): Promise<Report> => {
  const { databaseUrl } = readLocal(['databaseUrl']);
  await using store = connect('operator', { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: 1 });
  return await store.within({ tenant: asked.tenant }, (transaction) => read(transaction, asked, at));
};

const read = async (
  transaction: Transaction,
  { tenant, regime, days, subject }: Asked,
  at: Date,
): Promise<Report> => {
  const rows = <R>(statement: ReturnType<typeof sql<R>>): Promise<R[]> =>
    transaction.rows<R>(written(statement));
  const [known] = await rows(sql<{ pack: string; name: string; zone: string; locale: Locale }>`
    select pack, name, time_zone as zone, locale from tenants where id = ${tenant}`);
  if (!known) throw new Failure(`there is no tenant ${tenant}`);
  const pack = packOf(known.pack);
  const since = new Date(at.getTime() - days * 86_400_000);
  const inTime = sql`tenant_id = ${tenant} and at >= ${since}`;
  return {
    ...{ tenant, name: known.name, zone: known.zone, locale: known.locale },
    ...{ pack: `${pack.name} ${pack.version}`, regime, at: at.toISOString(), days },
    isDeclared: pack.compliance.some((one) => one.endsWith(rulesOf[regime].declared)),
    register: registerOf(pack),
    reads: await rows(sql<Report['reads'][number]>`
      select role, purpose, resource, count(*)::int as count from audit_entries
      where ${inTime} and fact in ('run.fetched', 'run.answered') and resource is not null
      group by 1, 2, 3 order by 4 desc, 1, 2, 3`),
    refusals: await rows(sql<Report['refusals'][number]>`
      select code, count(*)::int as count from audit_entries
      where ${inTime} and fact in ('run.refused', 'run.interrupted', 'access.refused') and code is not null
      group by 1 order by 2 desc, 1`),
    alerts: await rows(sql<Report['alerts'][number]>`
      select rule, severity, count(*)::int as count from alerts where ${inTime} group by 1, 2 order by 3 desc, 1`),
    consents: await rows(sql<Report['consents'][number]>`
      select level, count(*)::int as people from consent_levels where tenant_id = ${tenant} group by 1 order by 2 desc, 1`),
    retention: await retentionIn(rows, tenant, pack),
    ...(subject === undefined
      ? {}
      : { subject: await subjectIn(transaction, rows, { tenant, subject, since }) }),
  };
};

type Rows = <R>(statement: ReturnType<typeof sql<R>>) => Promise<R[]>;

const retentionIn = async (rows: Rows, tenant: string, pack: Pack): Promise<Report['retention']> => {
  const held = await rows(sql<{ class: string }>`
    select class from legal_holds where tenant_id = ${tenant} and released_at is null`);
  const [swept] = await rows(sql<{ at: string }>`
    select finished_at as at from retention_runs where tenant_id = ${tenant} and finished_at is not null
    order by finished_at desc limit 1`);
  return {
    rules: pack.retention.map(({ class: of, keep }) => ({
      ...{ class: of, keep },
      isHeld: held.some((hold) => hold.class === of),
    })),
    sweptAt: swept?.at ?? null,
  };
};

const subjectIn = async (
  transaction: Transaction,
  rows: Rows,
  { tenant, subject, since }: { readonly tenant: string; readonly subject: string; readonly since: Date },
): Promise<NonNullable<Report['subject']>> => {
  const vault = await operatorVault();
  const names = await vault.pseudonymsOf(tenant, subject, transaction);
  return {
    id: subject,
    accesses: await rows(sql<Access>`
      select at, actor, role, purpose, resource, subject_id as run from audit_entries
      where tenant_id = ${tenant} and at >= ${since} and fact in ('run.fetched', 'run.answered')
        and (details->'people'->'seen' ?| ${names}::text[] or details->'people'->>'named' = any (${names}::text[]))
      order by at, subject_id`),
    emergencies: await rows(sql<NonNullable<Report['subject']>['emergencies'][number]>`
      select at, provider_id as provider, reason from emergencies
      where tenant_id = ${tenant} and subject_id = ${subject} order by at`),
    consents: await rows(sql<NonNullable<Report['subject']>['consents'][number]>`
      select recorded_at as at, action, level, basis, channel from consents
      where tenant_id = ${tenant} and subject_id = ${subject} order by number`),
  };
};

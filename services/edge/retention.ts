import { packOf } from '@jangada/packs/registry.ts';
import { nightlyHour, swept } from '@jangada/proto/retention.ts';
import { queries, type Store, written } from '@jangada/store/store.ts';
import type { CoreTables } from '@jangada/store/tables.ts';
import type { FastifyInstance } from 'fastify';
import { sql } from 'kysely';
import type { Accounts } from './accounts.ts';
import { Refusal } from './refusal.ts';

/** How long data of the caller's tenant are kept, what was removed, and what a hold keeps, for who holds `admin:security`. */

const reportsShown = 20;
const db = queries<CoreTables>();

/** The next time the rules are applied, in the tenant's own night. */
export const nextNight = (now: Temporal.ZonedDateTime): string => {
  const tonight = now.withPlainTime({ hour: nightlyHour });
  const next = Temporal.ZonedDateTime.compare(tonight, now) > 0 ? tonight : tonight.add({ days: 1 });
  return next.toInstant().toString();
};

const holdsOf = (tenant: string) =>
  db
    .selectFrom('legal_holds')
    .select(['class', 'reason', 'placed_at as placedAt', 'released_at as releasedAt'])
    .where('tenant_id', '=', tenant)
    .orderBy('placed_at', 'desc');

const runsOf = (tenant: string) =>
  db
    .selectFrom('retention_runs')
    .select(['tick', 'started_at as startedAt', 'finished_at as finishedAt', 'report'])
    .where('tenant_id', '=', tenant)
    .orderBy('started_at', 'desc')
    .limit(reportsShown);

/** The last plan of each class, unless another took its place before all was listed, and whether it waits for a second person. */
const plansOf = (tenant: string) =>
  written(sql`
    select distinct on (class) tick, class, planned, rows_then::int as "of", needs, asked_by as "askedBy", encode(root, 'hex') as root,
      case when finished_at is not null then 'over' when planned_at is null then 'listing'
        when needs is null or exists (
          select from retention_approvals a where (a.tenant_id, a.tick, a.class, a.root) = (p.tenant_id, p.tick, p.class, p.root)) then 'open'
        else 'waiting' end as state
    from retention_plans p where tenant_id = ${tenant}
    order by class, (planned_at is null and finished_at is not null), planned_at desc nulls first`);

export const retentionRoutes = (
  app: FastifyInstance,
  { store, accounts }: { store: Store; accounts: Accounts },
): void => {
  app.get('/v1/admin/retention', async (request) => {
    const { tenant } = request.signedIn();
    const about = await accounts.tenant(tenant);
    if (!about) throw new Refusal('AUTH_INVALID');
    const [holds, runs, plans] = await Promise.all([
      store.read({ tenant }, holdsOf(tenant)),
      store.read({ tenant }, runsOf(tenant)),
      store.read({ tenant }, plansOf(tenant)),
    ]);
    const held = new Set(holds.filter(({ releasedAt }) => releasedAt === null).map((hold) => hold.class));
    const pack = packOf(about.pack);
    return {
      // In each language, what such data are called.
      classes: { en: pack.wording.en.classes, 'pt-BR': pack.wording['pt-BR'].classes },
      rules: pack.retention.map(({ class: kind, keep, legalMin, basis, table }) => ({
        class: kind,
        keep,
        legalMin,
        basis,
        held: held.has(kind),
        // What PostgreSQL does not hold is removed by whoever does.
        here: table !== undefined,
      })),
      nextAt: nextNight(Temporal.Now.zonedDateTimeISO(about.zone)),
      zone: about.zone,
      reports: runs.map(({ report, ...run }) => ({
        ...run,
        removed: swept.body.safeParse(report).data?.rules ?? [],
      })),
      holds,
      plans,
    };
  });
};

import { type Reader, read } from '@jangada/packs/read.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Plan } from '@jangada/proto/plan.ts';
import type { Row } from '@jangada/proto/run.ts';
import type { Grant } from '@jangada/trust/grant.ts';
import type { Compilable } from 'kysely';
import pg from 'pg';

/** What row-level security costs: the same question under a grant, and as somebody whom no policy binds. */

export const tenants = 10;
const clients = 5_000;
const inCare = 200;
const zone = 'America/Sao_Paulo';

/** Tenants with equally many appointments, mixed as they arrive in life; the first professional has people in care. */
export const fillGuarded = (appointmentsPerTenant: number): string => {
  const each = `generate_series(1, ${tenants}) as t`;
  return `
    insert into tenants select 't' || t, 't' || t, 'aesthetic-clinic', '${zone}', 'pt-BR', 'BRL' from ${each};
    insert into clients (tenant_id, id, name, name_search)
      select 't' || t, 'c' || n, 'Cliente ' || n, 'cliente ' || n from ${each}, generate_series(1, ${clients}) n;
    insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
      select tenant_id, id, id, 'given', 'health', 'health', 'demo', 'demo', 'demo' from clients;
    insert into providers (tenant_id, id, name, name_search)
      select 't' || t, 'p' || n, 'Dra. ' || n, 'dra. ' || n from ${each}, generate_series(1, 20) n;
    insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from, valid_to)
      select 't' || t, 'p' || n % 20, 'c' || n, 'care', '2026-01-01', case when n % 10 = 0 then '2026-02-01'::timestamptz end
      from ${each}, generate_series(1, ${20 * inCare}) n;
    insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
      select 't' || t, 'a' || n, 'c' || n * 7 % ${clients}, 'p' || n % 20, 'Peeling', '2024-01-01'::timestamptz + n * interval '1 year' / ${appointmentsPerTenant / 3}, 45, 'completed'
      from generate_series(1, ${appointmentsPerTenant}) n, ${each};
    analyze;`;
};

/** Three years of appointments: a week and a month of them. */
const week = { from: '2026-03-02T03:00:00Z', to: '2026-03-09T03:00:00Z' };
const month = { from: '2026-03-01T03:00:00Z', to: '2026-04-01T03:00:00Z' };

export interface Asked {
  readonly what: string;
  readonly grant: Pick<Grant, 'reach' | 'by'>;
  /** As data-access sends it. */
  readonly guarded: Compilable<Row>;
  /** With the tenant and the reach as conditions of its own. */
  readonly open: Compilable<Row>;
}

const source = packOf('aesthetic-clinic').sources['appointments'];
if (!source) throw new Error('the clinic has no appointments');

const plan = (ask: Plan['ask'], filter: Plan['filter']): Plan => ({
  source: 'appointments',
  ask,
  joins: [],
  filter,
  fields: ask === 'list' ? [...source.list] : [],
  limit: 50,
});

const conditions: Readonly<Record<Grant['reach'], string>> = {
  tenant: "appointments.tenant_id = 't1'",
  related: `appointments.tenant_id = 't1' and appointments.client_id = any (array(
    select subject_id from care_relationships where tenant_id = 't1' and provider_id = 'p1'
      and valid_from <= now() and (valid_to is null or valid_to > now())))`,
  own: "appointments.tenant_id = 't1' and appointments.client_id = 'c375'",
};

const grants: readonly Asked['grant'][] = [
  { reach: 'tenant' },
  { reach: 'related', by: 'p1' },
  { reach: 'own', by: 'c375' },
];

const asks: readonly (readonly [what: string, plan: Plan])[] = [
  ['list of a week', plan('list', { period: week })],
  ['list of a month', plan('list', { period: month })],
  ['count of a month', plan('count', { period: month })],
  ['count of all', plan('count', {})],
  ['days of a month', plan('perDay', { period: month })],
];

export const questions: readonly Asked[] = grants.flatMap((grant) =>
  asks.map(([what, asked]) => {
    const who: Reader = { person: undefined, zone };
    // The policies see to consent; without them the statement does.
    const consent = grant.reach === 'own' ? undefined : ['service', 'health'];
    const { sql, ...rest } = read(source, asked, { ...who, consent }).compile();
    // The first condition of the statement is ours to add to.
    const explicit = sql.replace(
      /where (?=true|exists|"appointments")/,
      `where ${conditions[grant.reach]} and `,
    );
    return {
      what: `${what}, ${grant.reach}`,
      grant,
      guarded: read(source, asked, who),
      open: { compile: () => ({ sql: explicit, ...rest }) },
    };
  }),
);

/** A plan as PostgreSQL explains it, as deep as it goes. */
interface Node {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly Plans?: readonly Node[];
}

/** How a statement is carried out for a claim: kind, table and index of each scan, made as the pool makes plans. */
export const scansOf = async (
  url: string,
  /** What a transaction sets to claim it. */
  claim: Readonly<Record<string, string>>,
  query: Compilable<unknown>,
): Promise<readonly string[]> => {
  const client = new pg.Client({
    connectionString: url,
    options: '-c plan_cache_mode=force_generic_plan -c jit=off',
  });
  await client.connect();
  try {
    await client.query('begin');
    for (const [name, value] of Object.entries(claim))
      await client.query('select set_config($1, $2, true)', [name, value]);
    const { sql, parameters } = query.compile();
    await client.query(`prepare asked as ${sql}`);
    const values = parameters
      .map((value) => client.escapeLiteral(Array.isArray(value) ? `{${value}}` : String(value)))
      .join(', ');
    const { rows } = await client.query<{ 'QUERY PLAN': readonly { readonly Plan: Node }[] }>(
      `explain (format json) execute asked${values ? `(${values})` : ''}`,
    );
    const scans = (node: Node): string[] => [
      ...(node['Relation Name'] ? [`${node['Node Type']} ${node['Relation Name']}`] : []),
      ...(node['Index Name'] ? [`by ${node['Index Name']}`] : []),
      ...(node.Plans ?? []).flatMap(scans),
    ];
    return rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => scans(Plan)));
  } finally {
    await client.end();
  }
};

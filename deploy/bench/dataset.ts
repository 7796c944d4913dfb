import pg from 'pg';
import { appointmentsPerClinic, appointmentsPerDay, firstDay } from './questions.ts';

/** The records that everybody asks about: clinics of a thousand appointments each, made by PostgreSQL itself. */

const zone = 'America/Sao_Paulo';
const clientsPerClinic = 40;

const statements = (clinics: number): readonly string[] => {
  const clinic = `generate_series(1, ${clinics}) as clinic`;
  const tenant = `'bench-' || clinic`;
  return [
    `insert into tenants (id, name, pack, time_zone, locale, currency)
     select ${tenant}, 'Clínica ' || clinic, 'aesthetic-clinic', '${zone}', 'pt-BR', 'BRL' from ${clinic}`,
    `insert into clients (tenant_id, id, name, name_search)
     select ${tenant}, 'cli-' || n, 'Cliente ' || n, 'cliente ' || n
     from ${clinic}, generate_series(0, ${clientsPerClinic - 1}) as n`,
    `insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
     select ${tenant}, 'bench-' || n, 'cli-' || n, 'given', 'health', 'health', 'demo', 'bench', 'system'
     from ${clinic}, generate_series(0, ${clientsPerClinic - 1}) as n`,
    `insert into providers (tenant_id, id, name, name_search)
     select ${tenant}, 'pro-' || n, 'Dra. Lima ' || n, 'dra. lima ' || n from ${clinic}, generate_series(0, 2) as n`,
    // Whoever is asked for a week has to find it among all; the clinics' rows lie mixed, as they arrive in life.
    `insert into appointments (tenant_id, id, client_id, provider_id, service, start_time, duration_minutes, status)
     select ${tenant}, 'app-' || n, 'cli-' || n * 7 % ${clientsPerClinic}, 'pro-' || n % 3, 'Peeling',
       (date '${firstDay}' + n / ${appointmentsPerDay} + time '09:00' + n % 3 * interval '2 hours') at time zone '${zone}',
       45, 'completed'
     from generate_series(0, ${appointmentsPerClinic - 1}) as n, ${clinic}`,
    // Beside our tables and not among them: nobody's policies guard these.
    'create schema bench',
    ...['bench.monolith', 'bench.moleculer'].map(
      (table) => `create table ${table} (
        id bigint generated always as identity primary key,
        run_id text not null, tenant_id text not null, actor text not null, intent text not null,
        fields text[] not null, rows int not null, at timestamptz not null default now())`,
    ),
    'vacuum analyze',
  ];
};

/** Works with a database as its administrator. */
export const connected = async <T>(
  databaseUrl: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

/** Fills a database that is migrated and holds none of it yet. */
export const fill = (databaseUrl: string, clinics: number): Promise<void> =>
  connected(databaseUrl, async (client) => {
    for (const statement of statements(clinics)) await client.query(statement);
  });

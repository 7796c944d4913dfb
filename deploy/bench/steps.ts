import pg from 'pg';

/**
 * The five steps of a run as the baselines take them: the same functions, in one process or one process each.
 * They do what our services do for an answer, without signatures, row-level security, metrics and tracing.
 */

/** The body of a baseline's request. */
export interface Request {
  readonly runId: string;
  readonly clinic: string;
  readonly user: string;
  readonly from: string;
  readonly to: string;
  readonly question: string;
}

export interface Row {
  readonly start: string;
  readonly client: string;
  readonly provider: string;
  readonly service: string;
  readonly status: string;
}

export interface AuditRow {
  readonly runId: string;
  readonly clinic: string;
  readonly user: string;
  readonly intent: string;
  readonly fields: readonly string[];
  readonly rows: number;
}

const patterns: readonly [intent: string, pattern: RegExp][] = [
  ['financial', /\b(fatura|pagamento|cobran[çc]a|receita|billing|invoice)/i],
  ['client', /\b(cliente|paciente|prontu[áa]rio|hist[óo]rico|client|record)/i],
  ['appointment', /\b(consulta|agenda|hor[áa]rio|sess[ãa]o|appointment|booking)/i],
  ['count', /\b(quantas|quantos|how many)\b/i],
];

export const understand = ({ question }: Request): string =>
  patterns.find(([, pattern]) => pattern.test(question))?.[0] ?? 'unknown';

const fields = ['start', 'client', 'provider', 'service', 'status'];

/** Fields that a user may read in a clinic, by clinic. */
export const permissions = (clinics: number): ((request: Request, intent: string) => readonly string[]) => {
  const granted = new Map(
    Array.from({ length: clinics }, (_, index) => [
      `bench-${index + 1}`,
      { user: `user-${index + 1}`, fields },
    ]),
  );
  return ({ clinic, user }, intent) => {
    const found = granted.get(clinic);
    if (found?.user !== user || intent === 'unknown') throw new Error('not permitted');
    return found.fields;
  };
};

// Row-level security names the tenant in our services; here the text does.
const select = {
  name: 'week',
  text: `
    select a.start_time as start, c.name as client, p.name as provider, a.service, a.status,
      a.start_time::text as _order, a.id as _id, (count(*) over ())::int as _matches
    from appointments a
    left join clients c on c.id = a.client_id and c.tenant_id = a.tenant_id
    left join providers p on p.id = a.provider_id and p.tenant_id = a.tenant_id
    where a.tenant_id = $1
      and a.start_time >= ($2::date at time zone 'America/Sao_Paulo')
      and a.start_time < (($3::date + 1) at time zone 'America/Sao_Paulo')
    order by a.start_time, a.id limit 51`,
};
pg.types.setTypeParser(pg.types.builtins.TIMESTAMPTZ, String);

export const openRows = (databaseUrl: string): ((request: Request) => Promise<readonly Row[]>) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 10 });
  return async ({ clinic, from, to }) => {
    const { rows } = await pool.query<Row>({ ...select, values: [clinic, from, to] });
    return rows;
  };
};

const chunkCount = 10;

/** The answer in ten pieces of about 130 bytes. */
export const tell = ({ from, to }: Request, rows: readonly Row[]): readonly string[] => {
  const lines = rows.map(
    ({ start, client, provider, service, status }) =>
      `\n- ${start.slice(0, 16)} · ${client} · ${provider} · ${service} · ${status}`,
  );
  const text = `${rows.length} consultas (${from} – ${to}):${lines.join('')}`;
  const size = Math.ceil(text.length / chunkCount);
  return Array.from({ length: chunkCount }, (_, index) => text.slice(index * size, (index + 1) * size));
};

/** Group commit: one insert at a time, and what arrives meanwhile goes into the next. Resolves once committed. */
export const openAudit = (databaseUrl: string, table: string): ((row: AuditRow) => Promise<void>) => {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  let waiting: { row: AuditRow; resolve: () => void; reject: (error: unknown) => void }[] = [];
  let working = false;

  const store = async (batch: typeof waiting): Promise<void> => {
    const column = <K extends keyof AuditRow>(name: K) => batch.map(({ row }) => row[name]);
    try {
      await pool.query({
        name: 'audit',
        text: `insert into ${table} (run_id, tenant_id, actor, intent, fields, rows)
          select run_id, tenant_id, actor, intent, string_to_array(fields, ','), rows
          from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])
            as t (run_id, tenant_id, actor, intent, fields, rows)`,
        values: [
          column('runId'),
          column('clinic'),
          column('user'),
          column('intent'),
          column('fields').map(String),
          column('rows'),
        ],
      });
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const work = async (): Promise<void> => {
    working = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      await store(batch);
    }
    working = false;
  };

  return (row) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      if (!working) void work();
    });
};

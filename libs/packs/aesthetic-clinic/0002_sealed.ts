import { type Kysely, sql } from 'kysely';

const columns = [
  ['clients', 'email'],
  ['clients', 'phone'],
  ['clients', 'cpf'],
  ['aesthetic_records', 'description'],
] as const;

/**
 * Personal fields hold bytes that libs/vault seals. Rows from before still hold clear text, as bytes; deploy/migrate.ts
 * seals them, and only then has PostgreSQL prove that none is left. From now on none can be written.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table clients
      alter column email type bytea using convert_to(email, 'UTF8'),
      alter column phone type bytea using convert_to(phone, 'UTF8'),
      add column cpf bytea,
      add column email_index bytea,
      add column phone_index bytea,
      add column cpf_index bytea;
    create index clients_email_index on clients (tenant_id, email_index);
    create index clients_phone_index on clients (tenant_id, phone_index);
    create index clients_cpf_index on clients (tenant_id, cpf_index);
    -- Null once the person's data were erased.
    alter table aesthetic_records
      alter column description type bytea using convert_to(description, 'UTF8'),
      alter column description drop not null;
  `.execute(db);
  for (const [table, column] of columns) {
    await sql`
      alter table ${sql.table(table)} add constraint ${sql.ref(`${table}_${column}_is_sealed`)}
        check (${sql.ref(column)} is null or length(${sql.ref(column)}) >= 49 and substr(${sql.ref(column)}, 1, 1) = '\\x01'::bytea)
        not valid`.execute(db);
  }
};

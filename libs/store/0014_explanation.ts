import { type Kysely, sql } from 'kysely';

/**
 * Why somebody reached for a person is sealed for that person. Rows from before still hold clear text, as bytes;
 * deploy/migrate.ts seals them, and only then has PostgreSQL prove that none is left. An emergency is named by its
 * command, as an entry of `consents` is: what seals rows knows them by `id`.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`
    alter table emergencies rename column command to id;
    -- Null once the person's data were erased.
    alter table emergencies
      alter column explanation type bytea using convert_to(explanation, 'UTF8'),
      alter column explanation drop not null;
    alter table emergencies add constraint emergencies_explanation_is_sealed
      check (explanation is null or length(explanation) >= 49 and substr(explanation, 1, 1) = '\\x01'::bytea)
      not valid;
  `.execute(db);
};

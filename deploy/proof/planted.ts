import type { Journey } from '../journeys/journey.ts';
import { insertRows } from '../test-database.ts';
import { rootEnv, vaultFrom } from '../vault.ts';
import type { Role } from './reach.ts';

/** What stands in the tables beside the demo's rows, so that there is something to be told that must not be. */

const tenant = 'clinica-aurora';

/** Somebody of another clinic whose name nobody else has. */
export const plantStrangers = ({ sql }: Journey): Promise<unknown> =>
  sql(
    `insert into clients (tenant_id, id, name, name_search)
     values ('clinica-brisa', 'cli-stranger', 'Iolanda Quental', 'iolanda quental')`,
  );

/** Days after the last of the demo's. */
const firstDay = 60;

const writerIn = async ({ system }: Journey) => {
  const vault = await vaultFrom(rootEnv(system.keys));
  return (table: string, rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> =>
    insertRows(system.local.databaseUrl, vault, { tenant, table, rows });
};

/**
 * Puts each text into an appointment and a note of its own day, both of a client whom all three may know, and gives the
 * questions that bring it before whoever tells the answer. One that names somebody is left out: who may read the note may
 * read that name.
 */
export const plantNotes = async (
  journey: Journey,
  given: readonly string[],
): Promise<readonly { readonly role: Role; readonly question: string }[]> => {
  const write = await writerIn(journey);
  const people = await journey.sql<{ name: string }>(
    'select name from clients union select name from residents',
  );
  const texts = given.filter((text) => !people.some(({ name }) => text.includes(name)));
  const today = Temporal.Now.plainDateISO('America/Sao_Paulo');
  const days = texts.map((_, at) => today.add({ days: firstDay + at }).toString());
  const whose = { client_id: 'cli-1', provider_id: 'pro-1' };
  const at = (day: string | undefined): string => `${day}T15:00:00-03:00`;
  await write(
    'appointments',
    texts.map((text, index) => ({
      ...{ ...whose, id: `planted-${index}`, service: text.slice(0, 1_500), start_time: at(days[index]) },
      ...{ duration_minutes: 30, status: 'scheduled' },
    })),
  );
  await write(
    'aesthetic_records',
    texts.map((text, index) => ({
      ...{ ...whose, id: `planted-${index}`, kind: 'evaluation', description: text.slice(0, 1_500) },
      recorded_at: at(days[index]),
    })),
  );
  return days.flatMap((day) => [
    { role: 'client', question: `quais são as minhas consultas em ${day}?` },
    { role: 'professional', question: `lista de consultas de Ana Lima em ${day}` },
    { role: 'professional', question: `prontuário de Ana Lima em ${day}` },
    { role: 'admin', question: `prontuário de Ana Lima em ${day}` },
  ]);
};

import { foldName } from '@jangada/packs/read.ts';
import { BadField, type Row } from './row.ts';

/** A file of the Synthea CSV export, and the table its rows become. */
export interface Source {
  readonly file: string;
  /** Columns the file must have, in any order; others are passed over. */
  readonly reads: readonly string[];
  /** The column that names a row. Absent: the row's whole content does. */
  readonly id?: string;
  readonly table: string;
  /** The table lasts as long as the import: its rows are only for other files to consult. */
  readonly temporary?: true;
  /** Columns of the table, beside `tenant_id` and `id`, that `read` fills. What the file does not know is left alone. */
  readonly columns: Readonly<Record<string, ColumnType>>;
  /** What `read` gives only for `computed` and `also`. */
  readonly aside?: Readonly<Record<string, ColumnType>>;
  /** Columns of the table that are SQL over `input`, the rows of a batch. */
  readonly computed?: Readonly<Record<string, string>>;
  /** Further statements over `input`, each with its name; `$1` is the tenant. */
  readonly also?: string;
  /** @throws BadField */
  read(row: Row<string>): Readonly<Record<string, Value>>;
}

type ColumnType = 'bytea' | 'text' | 'int' | 'numeric' | 'date' | 'timestamptz' | 'boolean';
export type Value = string | number | boolean | Buffer | null;

/** Holds `read` to the declared columns, of the file and of the table. */
const source = <Read extends string, Stored extends string, Aside extends string = never>(
  declared: Omit<Source, 'reads' | 'columns' | 'aside' | 'read'> & {
    readonly reads: readonly Read[];
    readonly columns: Readonly<Record<Stored, ColumnType>>;
    readonly aside?: Readonly<Record<Aside, ColumnType>>;
    read(row: Row<NoInfer<Read>>): Readonly<Record<NoInfer<Stored | Aside>, Value>>;
  },
): Source => declared;

const units = source({
  file: 'organizations.csv',
  reads: ['Id', 'NAME', 'CITY', 'PHONE'],
  id: 'Id',
  table: 'units',
  columns: { name: 'text', city: 'text', phone: 'text' },
  read: (row) => ({ name: row.text('NAME'), city: row.optional('CITY'), phone: row.optional('PHONE') }),
});

const providers = source({
  file: 'providers.csv',
  reads: ['Id', 'ORGANIZATION', 'NAME', 'SPECIALITY'],
  id: 'Id',
  table: 'providers',
  columns: { name: 'text', name_search: 'text', speciality: 'text', unit: 'text' },
  read: (row) => ({
    name: row.text('NAME'),
    name_search: foldName(row.text('NAME')),
    speciality: row.optional('SPECIALITY'),
    unit: row.optional('ORGANIZATION'),
  }),
});

const clients = source({
  file: 'patients.csv',
  reads: ['Id', 'BIRTHDATE', 'DEATHDATE', 'FIRST', 'LAST'],
  id: 'Id',
  table: 'clients',
  columns: {
    name: 'text',
    name_search: 'text',
    birth_date: 'date',
    status: 'text',
    created_at: 'timestamptz',
  },
  // The file does not say what they agreed to; the history says that it was taken from an import.
  also: `
    agreed as (
      insert into consents (tenant_id, id, subject_id, action, level, holds, basis, channel, recorded_by)
      select $1::text, 'import-' || id, id, 'given', 'health', 'health', 'import', 'synthea', 'import' from input
      on conflict (tenant_id, id) do nothing
    )`,
  read: (row) => {
    const name = `${row.text('FIRST')} ${row.text('LAST')}`;
    const birth = row.time('BIRTHDATE');
    return {
      name,
      name_search: foldName(name),
      birth_date: birth,
      status: row.optionalTime('DEATHDATE') === null ? 'active' : 'inactive',
      // The file does not say since when; a day it does say keeps an import repeatable.
      created_at: birth,
    };
  },
});

const largestInt = 2 ** 31 - 1;

const appointments = source({
  file: 'encounters.csv',
  reads: ['Id', 'START', 'STOP', 'PATIENT', 'PROVIDER', 'DESCRIPTION'],
  id: 'Id',
  table: 'appointments',
  columns: {
    client_id: 'text',
    provider_id: 'text',
    service: 'text',
    start_time: 'timestamptz',
    duration_minutes: 'int',
    status: 'text',
  },
  // Whoever has seen a client cares for them; whoever only will has an appointment. A relation that was assigned,
  // or that somebody ended, stays as it is.
  also: `
    relation as (
      select provider_id, client_id, case when bool_or(status = 'completed') then 'care' else 'encounter' end as basis,
        min(start_time) as since
      from input group by provider_id, client_id
    ), moved as (
      update care_relationships as kept set
        basis = case when kept.basis = 'care' then kept.basis else relation.basis end,
        valid_from = least(kept.valid_from, relation.since)
      from relation
      where (kept.tenant_id, kept.provider_id, kept.subject_id) = ($1::text, relation.provider_id, relation.client_id)
        and kept.basis in ('care', 'encounter') and kept.command is null
        and (relation.since < kept.valid_from or (kept.basis, relation.basis) = ('encounter', 'care'))
        and not exists (
          select from care_relationships as before
          where (before.tenant_id, before.provider_id, before.subject_id) = (kept.tenant_id, kept.provider_id, kept.subject_id)
            and before.basis <> 'break_glass' and before.valid_from < kept.valid_from)
    ), opened as (
      insert into care_relationships (tenant_id, provider_id, subject_id, basis, valid_from)
      select $1::text, provider_id, client_id, basis, since from relation
      where not exists (
        select from care_relationships as kept
        where (kept.tenant_id, kept.provider_id, kept.subject_id) = ($1::text, relation.provider_id, relation.client_id)
          and kept.basis <> 'break_glass')
    )`,
  read: (row) => {
    const start = row.time('START');
    const milliseconds = Date.parse(row.time('STOP')) - Date.parse(start);
    const minutes = Math.round(milliseconds / 60_000);
    if (milliseconds < 0) throw new BadField('STOP', 'is before START');
    if (minutes > largestInt) throw new BadField('STOP', 'is millennia after START');
    return {
      client_id: row.text('PATIENT'),
      provider_id: row.text('PROVIDER'),
      service: row.text('DESCRIPTION'),
      start_time: start,
      duration_minutes: minutes,
      status: Date.parse(start) > Date.now() ? 'scheduled' : 'completed',
    };
  },
});

/** Claims are only asked whether they are closed, by the lines of accounts. */
const claims = source({
  file: 'claims.csv',
  reads: ['Id', 'STATUS1', 'STATUS2', 'STATUSP'],
  id: 'Id',
  table: 'claims',
  temporary: true,
  columns: { closed: 'boolean' },
  read: (row) => {
    const payers = [row.optional('STATUS1'), row.optional('STATUS2'), row.optional('STATUSP')];
    const known = payers.filter((status) => status !== null);
    return { closed: known.length > 0 && known.every((status) => status === 'CLOSED') };
  },
});

export const claimsTable = `
  create temporary table claims (tenant_id text, id text, closed boolean not null, primary key (tenant_id, id))`;

/** By TYPE: what the line is, and the column that holds its amount. */
const transactions = new Map([
  ['CHARGE', { kind: 'charge', amount: 'AMOUNT' }],
  ['PAYMENT', { kind: 'payment', amount: 'PAYMENTS' }],
  ['TRANSFERIN', { kind: 'transfer', amount: 'TRANSFERS' }],
  ['TRANSFEROUT', { kind: 'transfer', amount: 'TRANSFERS' }],
] as const);

const billing = source({
  file: 'claims_transactions.csv',
  reads: [
    ...(['ID', 'CLAIMID', 'PATIENTID', 'TYPE', 'AMOUNT', 'FROMDATE', 'NOTES'] as const),
    ...(['PAYMENTS', 'TRANSFERS', 'OUTSTANDING', 'APPOINTMENTID', 'PROVIDERID'] as const),
  ],
  id: 'ID',
  table: 'billing',
  columns: {
    client_id: 'text',
    provider_id: 'text',
    appointment_id: 'text',
    kind: 'text',
    service: 'text',
    amount: 'numeric',
    issued_at: 'timestamptz',
  },
  aside: { claim_id: 'text', outstanding: 'numeric' },
  computed: {
    status: `
      case
        when outstanding = 0 then 'paid'
        when exists (select from claims where tenant_id = $1 and id = claim_id and closed) then 'paid'
        when outstanding > 0 then 'open'
        else 'settled'
      end`,
  },
  read: (row) => {
    const { kind, amount } = row.oneOf('TYPE', transactions);
    return {
      client_id: row.text('PATIENTID'),
      provider_id: row.optional('PROVIDERID'),
      appointment_id: row.optional('APPOINTMENTID'),
      kind,
      service: row.optional('NOTES'),
      amount: row.amount(amount),
      issued_at: row.time('FROMDATE'),
      claim_id: row.optional('CLAIMID'),
      outstanding: row.optionalAmount('OUTSTANDING'),
    };
  },
});

const recordColumns = {
  client_id: 'text',
  appointment_id: 'text',
  kind: 'text',
  code: 'text',
  description: 'text',
  recorded_at: 'timestamptz',
  ended_at: 'timestamptz',
} as const;

/** A file of facts about clients that last. */
const lasting = (kind: string, file: string, id?: 'Id') =>
  source({
    file,
    reads: ['START', 'STOP', 'PATIENT', 'ENCOUNTER', 'CODE', 'DESCRIPTION'],
    ...(id === undefined ? {} : { id }),
    table: 'aesthetic_records',
    columns: recordColumns,
    read: (row) => ({
      client_id: row.text('PATIENT'),
      appointment_id: row.optional('ENCOUNTER'),
      kind,
      code: row.optional('CODE'),
      description: row.text('DESCRIPTION'),
      recorded_at: row.time('START'),
      ended_at: row.optionalTime('STOP'),
    }),
  });

const immunizations = source({
  file: 'immunizations.csv',
  reads: ['DATE', 'PATIENT', 'ENCOUNTER', 'CODE', 'DESCRIPTION'],
  table: 'aesthetic_records',
  columns: recordColumns,
  read: (row) => ({
    client_id: row.text('PATIENT'),
    appointment_id: row.optional('ENCOUNTER'),
    kind: 'immunization',
    code: row.optional('CODE'),
    description: row.text('DESCRIPTION'),
    recorded_at: row.time('DATE'),
    ended_at: null,
  }),
});

const observations = source({
  file: 'observations.csv',
  reads: ['DATE', 'PATIENT', 'ENCOUNTER', 'CODE', 'DESCRIPTION', 'VALUE', 'UNITS'],
  table: 'aesthetic_records',
  columns: recordColumns,
  read: (row) => {
    const measured = [row.optional('VALUE'), row.optional('UNITS')].filter((part) => part !== null);
    return {
      client_id: row.text('PATIENT'),
      appointment_id: row.optional('ENCOUNTER'),
      kind: 'observation',
      code: row.optional('CODE'),
      description: [row.text('DESCRIPTION'), measured.join(' ')].filter(Boolean).join(': '),
      recorded_at: row.time('DATE'),
      ended_at: null,
    };
  },
});

/** In this order: claims before the lines that ask for them. */
export const sources: readonly Source[] = [
  units,
  providers,
  clients,
  appointments,
  claims,
  billing,
  lasting('condition', 'conditions.csv'),
  lasting('procedure', 'procedures.csv'),
  lasting('careplan', 'careplans.csv', 'Id'),
  lasting('allergy', 'allergies.csv'),
  immunizations,
  lasting('medication', 'medications.csv'),
  observations,
];

import type { CoreTables } from '@jangada/store/tables.ts';
import type { ColumnType, Generated } from 'kysely';

type Time = ColumnType<string, string | Date, string | Date>;
type Amount = ColumnType<string, string | number, string | number>;

/** The clinic's tables, as 0001_tables.ts makes them. */
export interface ClinicTables extends CoreTables {
  clients: {
    tenant_id: string;
    id: string;
    name: string;
    name_search: string;
    email: string | null;
    phone: string | null;
    birth_date: string | null;
    status: 'active' | 'inactive';
    created_at: Time;
    full_text_search: Generated<unknown>;
  };
  providers: {
    tenant_id: string;
    id: string;
    name: string;
    name_search: string;
    speciality: string | null;
    unit: string | null;
    full_text_search: Generated<unknown>;
  };
  units: { tenant_id: string; id: string; name: string; city: string | null; phone: string | null };
  services: { tenant_id: string; id: string; name: string; duration_minutes: number; price: Amount };
  cosmetic_products: { tenant_id: string; id: string; name: string; category: string };
  appointments: {
    tenant_id: string;
    id: string;
    client_id: string;
    provider_id: string;
    service: string;
    start_time: Time;
    duration_minutes: number;
    status: 'scheduled' | 'confirmed' | 'completed' | 'cancelled' | 'no_show';
  };
  billing: {
    tenant_id: string;
    id: string;
    client_id: string;
    provider_id: string | null;
    appointment_id: string | null;
    kind: 'charge' | 'payment' | 'transfer';
    status: 'open' | 'paid' | 'settled';
    service: string | null;
    amount: Amount;
    issued_at: Time;
  };
  aesthetic_records: {
    tenant_id: string;
    id: string;
    client_id: string;
    provider_id: string | null;
    appointment_id: string | null;
    kind: string;
    code: string | null;
    description: string;
    recorded_at: Time;
    ended_at: Time | null;
  };
}

import { type Compilable, sql } from 'kysely';
import { written } from './store.ts';

/**
 * Holds one class of a tenant's data until the transaction ends: who removes its rows and who places or releases a hold on it
 * wait for each other, so that nothing goes after a hold is there.
 */
export const lockClass = (tenant: string, name: string): Compilable<unknown> =>
  written(sql`select pg_advisory_xact_lock(hashtextextended(${`retention ${tenant} ${name}`}, 0))`);

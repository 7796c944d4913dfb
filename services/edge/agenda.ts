import { agendasOf, type Slot } from '@jangada/bookings/agenda.ts';
import { hoursOf, openIn, openingOf } from '@jangada/bookings/opening.ts';
import { agendaIdOf, agendaOf } from '@jangada/bookings/state.ts';
import type { Pack } from '@jangada/packs/pack.ts';
import { packOf } from '@jangada/packs/registry.ts';
import type { Store } from '@jangada/store/store.ts';
import type { NatsConnection } from '@nats-io/transport-node';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from './accounts.ts';
import type { Admission } from './admission.ts';
import { permissionsOf } from './assurance.ts';
import { id, instant } from './listing.ts';
import { Refusal } from './refusal.ts';
import { shaped } from './shape.ts';

/** When somebody may be booked and when they are, from the events of their agenda: it is as of now, and says of nobody who. */

const daysMax = 14;
const dayMs = 86_400_000;

const wanted = z
  .strictObject({ providerId: id, from: instant, to: instant })
  .refine(({ from, to }) => from < to && Date.parse(to) - Date.parse(from) <= daysMax * dayMs, {
    path: ['to'],
  });

/**
 * What somebody may do about the agenda, and under which names who and what it is about are listed; undefined of a pack without
 * an agenda, and for whom it is not.
 */
export const bookableOf = (
  { bookings, orders, sources }: Pack,
  permissions: readonly string[],
):
  | {
      readonly may: 'read' | 'book';
      /** Minutes of a booking that says nothing else. */
      readonly minutes: number;
      /** The name of a field of bookings. */
      readonly whom: string;
      readonly names: Readonly<Record<'people' | 'providers' | 'services' | 'bookings', string>>;
    }
  | undefined => {
  if (!bookings || !orders) return undefined;
  const has = (verb: string): boolean =>
    permissions.includes(`${verb}:${bookings}`) || permissions.includes(`${verb}:own_${bookings}`);
  const { people, providers, services, bookings: booked, whom, minutes } = orders;
  const names = { people, providers, services, bookings: booked };
  if (!has('read') || !Object.values(names).every((name) => sources[name]?.listed)) return undefined;
  return { may: has('write') ? 'book' : 'read', minutes, whom, names };
};

interface Parts {
  readonly admission: Admission;
  readonly accounts: Accounts;
  readonly store: Store;
  readonly nc: NatsConnection;
}

export const agendaRoutes = (app: FastifyInstance, { admission, accounts, store, nc }: Parts): void => {
  app.get('/v1/agenda', async (request) => {
    const identity = request.signedIn();
    const { tenant: tenantId } = identity;
    const tenant = await accounts.tenant(tenantId);
    if (!tenant) throw new Refusal('AUTH_INVALID');
    const { locale, zone } = tenant;
    const pack = packOf(tenant.pack);
    if (!pack.bookings) throw new Refusal('NOT_FOUND', { locale });
    const { providerId, from, to } = shaped(wanted, request.query);
    if (!bookableOf(pack, permissionsOf(tenant, identity)))
      throw await admission.refuse(identity, 'AUTHZ_DENIED');
    const within = { from: Date.parse(from), until: Date.parse(to) };
    const asOf = new Date().toISOString();
    const [calendar, agendas] = await Promise.all([
      store.within({ tenant: tenantId }, (transaction) => openingOf(transaction, tenantId, zone)),
      Promise.all(
        agendasOf('provider', providerId, within).map((of) =>
          agendaOf({ nc }, { tenant: tenantId, id: agendaIdOf(of) }),
        ),
      ),
    ]);
    const { open, taken } = hoursOf(agendas, openIn(calendar, within), within);
    return { providerId, open: open.map(toldOf), taken: taken.map(toldOf), asOf };
  });
};

const toldOf = ({ from, until }: Slot) => ({
  from: new Date(from).toISOString(),
  until: new Date(until).toISOString(),
});

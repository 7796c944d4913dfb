import type { Pack } from '@jangada/packs/pack.ts';
import { consentOf, peopleOf } from '@jangada/packs/rules.ts';
import type { Command } from '@jangada/proto/command.ts';
import type { Code } from '@jangada/proto/errors.ts';

/** What the decision on who may change the agenda stands on, all of it; what is missing denies. */
export interface Facts {
  readonly type: Command['type'];
  readonly pack: Pack;
  readonly role: string;
  /** The person in the tenant's records who gives the command. */
  readonly person: string | undefined;
  /** Whom the booking is for; undefined of a command on a provider's own hours. */
  readonly subject: string | undefined;
  readonly provider: string;
  readonly known: Known;
}

/** What PostgreSQL states of them. */
export interface Known {
  /** They are of this tenant. */
  readonly inTenant: boolean;
  /** The person is in the care of whoever gives the command, now. */
  readonly inCare: boolean;
  /** The person has agreed to what a booking takes. */
  readonly consents: boolean;
}

/** Levels of consent, any of which a booking takes; undefined where it takes none. */
export const consentFor = (pack: Pack): readonly string[] | undefined =>
  pack.bookings ? consentOf(pack, new Set([pack.bookings])) : undefined;

/** The code that a command is refused with; undefined when it is allowed. */
export const refusalOf = ({
  type,
  pack,
  role: name,
  person,
  subject,
  provider,
  known,
}: Facts): Code | undefined => {
  const role = Object.hasOwn(pack.roles, name) ? pack.roles[name] : undefined;
  if (!role || !pack.bookings || !peopleOf(pack)) return 'AUTHZ_DENIED';
  const mayAll = role.permissions.includes(`write:${pack.bookings}`);
  const isOwn = person !== undefined && person === subject;
  if (subject === undefined) {
    // A provider says when they are there themselves, and who reaches the whole tenant for anybody.
    if (!mayAll || (role.reach !== 'tenant' && person !== provider)) return 'AUTHZ_DENIED';
    return known.inTenant ? undefined : 'TENANT_ISOLATION_VIOLATION';
  }
  // Nobody says of themselves whether they came.
  if (isOwn && type === 'RecordAttendance') return 'AUTHZ_DENIED';
  const mayOwn = isOwn && role.permissions.includes(`write:own_${pack.bookings}`);
  if (!mayOwn && !mayAll) return 'AUTHZ_DENIED';
  if (!known.inTenant) return 'TENANT_ISOLATION_VIOLATION';
  if (mayOwn || isOwn) return undefined;
  if (role.reach !== 'tenant' && !known.inCare) return 'AUTHZ_NO_RELATION';
  return known.consents ? undefined : 'CONSENT_REQUIRED';
};

import type { Limits } from '@jangada/limits/limits.ts';
import { ownHistory } from '@jangada/packs/core.ts';
import { type Listed, listingOf, unlistable } from '@jangada/packs/listing.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sourceOf } from '@jangada/packs/rules.ts';
import * as access from '@jangada/proto/access.ts';
import * as order from '@jangada/proto/command.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import { listedTextOf, understood } from '@jangada/proto/run.ts';
import type { Stored } from '@jangada/runtime/bus.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { type Pass, questionHash } from '@jangada/trust/pass.ts';
import type { Span } from '@opentelemetry/api';
import type { Tenant } from './accounts.ts';
import type { Admission, Limit, Question, Run } from './admission.ts';
import type { Asking } from './asking.ts';
import type { Follower, Following } from './follow.ts';
import type { Identity } from './identity.ts';
import type { OwnChanges } from './own-changes.ts';
import { Refusal } from './refusal.ts';
import { listings } from './routes.ts';
import type { Wishes } from './wishes.ts';

/** Asking what is no text of a person's: rows by their name, commands, and what somebody says of an answer. */

/** What is asked for by its name, without text. */
export interface Listing extends Listed {
  readonly name: string;
  readonly cursor?: string | undefined;
}

/** Of days the first from its beginning, and the last to its end. */
const spanOf = ({ from, to }: Period, zone: string): Period => {
  const at = (when: string, days: number): string =>
    when.length > 10
      ? when
      : Temporal.PlainDate.from(when)
          .add({ days })
          .toZonedDateTime(zone)
          .toInstant()
          .toString({ fractionalSecondDigits: 3 });
  return { from: at(from, 0), to: at(to, 1) };
};
type Period = NonNullable<Listed['period']>;

/** What else is said of what is asked: `text` is what the pass is for. */
type Beside = Pick<Question, 'text' | 'session' | 'purpose' | 'locale'> & Wishes & { readonly limit?: Limit };

/** Asks something under the caller's own id for it, or a new one. @throws Refusal, Unavailable, Refused */
export type Request = (
  identity: Identity,
  given: string | undefined,
  asking: Omit<Asking, 'fresh'>,
  beside: Beside,
) => Promise<Run>;

/** How long a command's key is known to have been used for it; what came of it is told as long. */
const keyKnownMs = 86_400_000;

interface Deps {
  readonly claims: Pick<Limits, 'claim'>;
  readonly changes: Pick<OwnChanges, 'note'>;
  readonly tracing: Service['tracing'];
  publish(pass: Pass, asking: Asking, span: Span, limit: Limit): Promise<Stored>;
  idOf(identity: Identity, kind: 'run', given: string): string;
  tenantOf(identity: Identity): Promise<Tenant>;
  passFor(identity: Identity, tenant: Tenant, run: string, question: Question): Pass;
  follow(identity: Identity, run: string, locale: Locale): Following;
  /** True where the same run was asked something else. */
  conflicts(pass: Pass): boolean;
  admit(
    pass: Pass,
    following: Following,
    about: { startedAt: number; span: Span },
    published: () => Promise<{ duplicate: boolean }>,
  ): Promise<Run>;
  endOf: Follower['endOf'];
}

export const openRequests = (
  deps: Deps,
): Pick<Admission, 'read' | 'submit' | 'order' | 'judge'> & { readonly request: Request } => {
  const { claims, changes, tracing, publish, idOf, tenantOf, passFor, follow, conflicts, admit, endOf } =
    deps;

  const request: Request = async (identity, given, asking, { limit, ...beside }) => {
    const startedAt = performance.now();
    const tenant = await tenantOf(identity);
    const { locale } = tenant;
    const id = idOf(identity, 'run', given ?? crypto.randomUUID());
    const pass = passFor(identity, tenant, id, beside);
    if (conflicts(pass)) throw new Refusal('RUN_CONFLICT', { locale });
    const span = tracing.start('edge', undefined, { kind: 'server', attributes: { 'run.id': id } });
    const run = await admit(pass, follow(identity, id, locale), { startedAt, span }, () =>
      publish(pass, { ...asking, fresh: given === undefined }, span, limit),
    );
    if (asking.message === order.requested) await changes.note(identity, id);
    return run;
  };

  return {
    request,

    read: async (identity, { name, cursor, ...wanted }) => {
      const { pack: used, locale, zone } = await tenantOf(identity);
      const pack = packOf(used);
      const source = sourceOf(pack, name);
      const period = wanted.period && spanOf(wanted.period, zone);
      const filter = { ...wanted, ...(period ? { period } : {}) };
      const listed = listingOf(pack, name, filter, cursor);
      // A name that some packs list is told of those packs alone.
      const isUnlisted = listings.has(name) && !source?.listed;
      if (!source || !listed || isUnlisted) throw new Refusal('NOT_FOUND', { locale });
      const field = period && period.from >= period.to ? 'to' : unlistable(source, filter);
      if (field) throw new Refusal('INPUT_INVALID', { locale, field });
      const asking = { message: understood, body: { locale, ...listed } };
      const purpose = source.owner ? ownHistory : undefined;
      return request(identity, undefined, asking, { text: listedTextOf(listed.plan), purpose });
    },

    submit: (identity, { id, command: asked }) => {
      const command = access.command.parse(asked);
      const asking = { message: access.requested, body: { command } };
      return request(identity, id, asking, { text: JSON.stringify(command) });
    },

    order: async (identity, { id, command: given }) => {
      const command = order.command.parse(given);
      const text = JSON.stringify(command);
      if (id !== undefined) {
        const name = `command|${identity.tenant}|${idOf(identity, 'run', id)}`;
        const hash = questionHash(text);
        // Not only here and lately: what is carried out need not say afterwards what it was.
        if ((await claims.claim(name, hash, keyKnownMs)) !== hash)
          throw new Refusal('RUN_CONFLICT', { locale: (await tenantOf(identity)).locale });
      }
      return request(identity, id, { message: order.requested, body: { command } }, { text });
    },

    judge: async (identity, judgement, id) => {
      const body = feedback.given.body.parse({ ...judgement, run: idOf(identity, 'run', judgement.run) });
      if (!(await endOf(identity.tenant, body.run))) {
        const { locale } = await tenantOf(identity);
        throw new Refusal('NOT_FOUND', { locale });
      }
      return request(identity, id, { message: feedback.given, body }, { text: JSON.stringify(body) });
    },
  };
};

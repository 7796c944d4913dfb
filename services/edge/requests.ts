import { emit } from '@jangada/hop/hop.ts';
import { type Listed, listingOf, unlistable } from '@jangada/packs/listing.ts';
import { packOf } from '@jangada/packs/registry.ts';
import { sourceOf } from '@jangada/packs/rules.ts';
import * as access from '@jangada/proto/access.ts';
import type { Locale } from '@jangada/proto/errors.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import type { Body } from '@jangada/proto/message.ts';
import { listedTextOf, understood } from '@jangada/proto/run.ts';
import { publishFact, publishRequest, type Voice } from '@jangada/runtime/emit.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { traceparentOf } from '@jangada/telemetry/trace.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import type { Span } from '@opentelemetry/api';
import type { Tenant } from './accounts.ts';
import type { Admission, Run } from './admission.ts';
import type { Following } from './follow.ts';
import type { Identity } from './identity.ts';
import { Refusal } from './refusal.ts';

/** Asking what is no text of a person's: rows by their name, commands, and what somebody says of an answer. */

/** What is asked for by its name, without text. */
export interface Listing extends Listed {
  readonly name: string;
  readonly cursor?: string | undefined;
}

interface Deps {
  readonly voice: Voice;
  readonly tracing: Service['tracing'];
  sign(pass: Pass): Promise<string>;
  idOf(identity: Identity, kind: 'run', given: string): string;
  tenantOf(identity: Identity): Promise<Tenant>;
  /** A pass for a text, whatever stands for one. */
  passFor(identity: Identity, tenant: Tenant, run: string, text: string): Pass;
  follow(identity: Identity, run: string, locale: Locale): Following;
  /** True where the same run was asked something else. */
  conflicts(pass: Pass): boolean;
  admit(
    pass: Pass,
    following: Following,
    about: { startedAt: number; span: Span },
    published: () => Promise<{ duplicate: boolean }>,
  ): Promise<Run>;
  /** True once the end of a run is stored. */
  isOver(tenant: string, run: string): Promise<boolean>;
}

type Request = typeof understood | typeof access.requested | typeof feedback.given;

export const openRequests = (deps: Deps): Pick<Admission, 'read' | 'submit' | 'judge'> => {
  const { voice, tracing, sign, idOf, tenantOf, passFor, follow, conflicts, admit, isOver } = deps;

  const request = async <M extends Request>(
    identity: Identity,
    message: M,
    given: string | undefined,
    text: string,
    body: Body<M>,
  ): Promise<Run> => {
    const startedAt = performance.now();
    const tenant = await tenantOf(identity);
    const { locale } = tenant;
    const id = idOf(identity, 'run', given ?? crypto.randomUUID());
    const pass = passFor(identity, tenant, id, text);
    if (conflicts(pass)) throw new Refusal('RUN_CONFLICT', { locale });
    const span = tracing.start('edge', undefined, { kind: 'server', attributes: { 'run.id': id } });
    return admit(pass, follow(identity, id, locale), { startedAt, span }, async () => {
      const cause = { tenant: pass.tid, id, pass: await sign(pass), traceparent: traceparentOf(span) };
      if (message.kind === 'fact') return publishFact(voice, cause, emit(message, body));
      return publishRequest(voice, message, cause, body, given === undefined);
    });
  };

  return {
    read: async (identity, { name, cursor, ...wanted }) => {
      const { pack: used, locale } = await tenantOf(identity);
      const pack = packOf(used);
      const source = sourceOf(pack, name);
      const listed = listingOf(pack, name, wanted, cursor);
      if (!source || !listed) throw new Refusal('NOT_FOUND', { locale });
      const field = unlistable(source, wanted);
      if (field) throw new Refusal('INPUT_INVALID', { locale, field });
      return request(identity, understood, undefined, listedTextOf(listed.plan), { locale, ...listed });
    },

    submit: (identity, { id, command: asked }) => {
      const command = access.command.parse(asked);
      return request(identity, access.requested, id, JSON.stringify(command), { command });
    },

    judge: async (identity, judgement, id) => {
      const body = feedback.given.body.parse({ ...judgement, run: idOf(identity, 'run', judgement.run) });
      if (!(await isOver(identity.tenant, body.run))) {
        const { locale } = await tenantOf(identity);
        throw new Refusal('NOT_FOUND', { locale });
      }
      return request(identity, feedback.given, id, JSON.stringify(body), body);
    },
  };
};

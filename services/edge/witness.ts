import { emit } from '@jangada/hop/hop.ts';
import type { authFacts } from '@jangada/proto/auth.ts';
import type { Body } from '@jangada/proto/message.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { traceparentOf } from '@jangada/telemetry/trace.ts';

/**
 * Tells audit what happens at the door, where there is no run yet. An id makes the fact one of a kind: told again under
 * it within a day, it is kept once.
 */
export type Witness = <M extends (typeof authFacts)[number]>(
  message: M,
  tenant: string,
  body: Body<M>,
  id?: string,
) => Promise<void>;

/** What cannot be told is logged: whoever is refused stays refused, and whoever is let out is let out. */
export const openWitness =
  ({ bus, tracing, log }: Service): Witness =>
  async (message, tenant, body, id = crypto.randomUUID()) => {
    const span = tracing.start('edge', undefined, { kind: 'server', attributes: { fact: message.name } });
    try {
      const cause = { tenant, id, pass: undefined, traceparent: traceparentOf(span) };
      await publishFact({ bus }, cause, emit(message, body as never));
    } catch (error) {
      log.error({ operation: message.name, tenantId: tenant, ...faultFields(error) }, 'is not audited');
    } finally {
      span.end();
    }
  };

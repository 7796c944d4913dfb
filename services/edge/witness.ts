import { emit } from '@jangada/hop/hop.ts';
import type { authFacts } from '@jangada/proto/auth.ts';
import type { Body } from '@jangada/proto/message.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { traceparentOf } from '@jangada/telemetry/trace.ts';
import type { Origin, Origins } from '@jangada/trust/origin.ts';

/** Of what is told. */
interface About {
  /** Makes the fact one of a kind: told again under it within a day, it is kept once. */
  readonly id?: string;
  /** From where the call came that did it. */
  readonly from: Origin | undefined;
}

/** Tells audit what happens at the door, where there is no run yet. */
export type Witness = <M extends (typeof authFacts)[number]>(
  message: M,
  tenant: string,
  body: Omit<Body<M>, 'from'>,
  about: About,
) => Promise<void>;

/** What cannot be told is logged: whoever is refused stays refused, and whoever is let out is let out. */
export const openWitness =
  ({ bus, tracing, log }: Service, origins: Origins): Witness =>
  async (message, tenant, body, { id = crypto.randomUUID(), from }) => {
    const span = tracing.start('edge', undefined, { kind: 'server', attributes: { fact: message.name } });
    try {
      const cause = { tenant, id, pass: undefined, traceparent: traceparentOf(span) };
      const whole = { ...body, ...(from ? { from: origins.seal({ tenant, id }, from) } : {}) };
      await publishFact({ bus }, cause, emit(message, whole as never));
    } catch (error) {
      log.error({ operation: message.name, tenantId: tenant, ...faultFields(error) }, 'is not audited');
    } finally {
      span.end();
    }
  };

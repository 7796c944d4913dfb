import * as access from '@jangada/proto/access.ts';
import * as command from '@jangada/proto/command.ts';
import type { Code } from '@jangada/proto/errors.ts';
import type { Tenant } from './accounts.ts';
import type { Limit, Question, Run } from './admission.ts';
import { noTo, takenOf } from './answering.ts';
import { isRecent } from './assurance.ts';
import type { Conversations, Interrupted } from './conversation.ts';
import type { Identity } from './identity.ts';
import { nameOf } from './ids.ts';
import type { Refusal } from './refusal.ts';
import type { Request } from './requests.ts';
import type { Wishes } from './wishes.ts';

/** Inputs that answer what was asked back. The answer is a command of its own, and the run that goes on is the command's. */

interface Deps {
  readonly conversations: Conversations;
  idOf(identity: Identity, kind: 'run' | 'session', given: string): string;
  tenantOf(identity: Identity): Promise<Tenant>;
  readonly request: Request;
  rejoin(identity: Identity, run: string, session: string | undefined): Promise<Run>;
  refuse(identity: Identity, code: Code): Promise<Refusal>;
}

/** A run to follow, or a question after all, and the interrupt that it passes over. */
interface Resumed {
  readonly run?: Run;
  readonly passesOver?: string;
}

/** What a person answered, as the command that it is. */
type Given = { readonly to: Interrupted } & (
  | { readonly command: access.Command }
  | { readonly order: command.Command }
);

export const openResuming = ({ conversations, idOf, tenantOf, request, rejoin, refuse }: Deps) => {
  /** In the conversation of what it answers, and for the same purpose. */
  const answer = (
    identity: Identity,
    taken: Given,
    {
      run,
      session,
      steps,
      state,
      activity,
      tools,
      alone,
      limit,
    }: Pick<Question, 'run' | 'session'> & Wishes & { alone?: true; limit?: Limit },
  ): Promise<Run> => {
    const { id: answers, purpose, locale } = taken.to.part;
    const asked =
      'order' in taken
        ? { message: command.requested, body: { command: command.command.parse(taken.order) } }
        : { message: access.requested, body: { command: access.command.parse(taken.command) } };
    const text = JSON.stringify(asked.body.command);
    return request(
      identity,
      run,
      { ...asked, alone, answers, turn: { answers } },
      {
        ...{ text, session, purpose, locale, steps, state, activity, tools, limit },
      },
    );
  };

  /** @throws Refusal INTERRUPT_EXPIRED, AUTH_STEP_UP, INPUT_INVALID, and what asking throws */
  return async (identity: Identity, asked: Question, limit: Limit): Promise<Resumed> => {
    const { pack } = await tenantOf(identity);
    const { resume = [], session } = asked;
    const place = {
      tenant: identity.tenant,
      session: idOf(identity, 'session', session ?? identity.session),
    };
    const found = resume.map(async (entry) => ({
      entry,
      to: await conversations.interrupted(place, idOf(identity, 'run', entry.interruptId)),
    }));
    const named = (await Promise.all(found)).flatMap(({ entry, to }) => (to ? [{ entry, to }] : []));
    const taken = takenOf(named, asked, pack, Date.now());
    if (taken.kind === 'expired') throw await refuse(identity, 'INTERRUPT_EXPIRED');
    if (taken.kind === 'replay') return { run: await rejoin(identity, taken.run, session) };
    if (taken.kind === 'order')
      return { run: await answer(identity, taken, { ...asked, alone: true, limit }) };
    if (taken.kind === 'answer') {
      if (taken.command.confirmed && !isRecent(identity)) throw await refuse(identity, 'AUTH_STEP_UP');
      return { run: await answer(identity, taken, { ...asked, alone: true, limit }) };
    }
    if (!taken.no) return {};
    const no = { to: taken.no, command: noTo(taken.no) };
    const { id: passesOver } = no.to.part;
    (await answer(identity, no, { run: `no-${nameOf(passesOver)}`, session })).stop();
    return { passesOver };
  };
};

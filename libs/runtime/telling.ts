import type { Emission, Hop, In, Out } from '@jangada/hop/hop.ts';
import { Unavailable } from '@jangada/hop/outcome.ts';
import * as access from '@jangada/proto/access.ts';
import * as command from '@jangada/proto/command.ts';
import { textOf } from '@jangada/proto/errors.ts';
import * as feedback from '@jangada/proto/feedback.ts';
import { type Body, type Message, streamOf, subjectOf } from '@jangada/proto/message.ts';
import { isEnd, type Part, progress, reply } from '@jangada/proto/reply.ts';
import * as run from '@jangada/proto/run.ts';
import type { Bodies } from '@jangada/trust/body.ts';
import type { Pass } from '@jangada/trust/pass.ts';
import { jetstreamManager } from '@nats-io/jetstream';
import { type Cause, publishFact, publishOutcome, publishReply, type Voice } from './emit.ts';
import { bodyOf, type Heard } from './heard.ts';

/** Text is grouped for this long, so that a token is not a message. */
const groupMs = 25;

/** Of a hop that tells: it holds the keys of bodies. */
type Teller = Voice & { readonly bodies: Bodies };

/** Stores the outcome, and tells whoever asked where that ends their run. */
export const conclude = async (
  voice: Voice,
  cause: Cause,
  emission: Emission<Message>,
  zone = 'UTC',
): Promise<void> => {
  const end = emission.message.ends ? endPart(emission, zone) : undefined;
  const parts = end && [...spokenOf(emission), end];
  // No row is told before the record that it was read is stored, nor what a command came to that it would not find coming again.
  if (end?.type === 'answered' && end.rows) {
    await publishFact(voice, cause, emission);
    await publishReply(voice, cause, 'end', parts ?? []);
    return;
  }
  if (command.outcomes.includes(emission.message)) {
    if (await publishOutcome(voice, cause, emission)) await publishReply(voice, cause, 'end', parts ?? []);
    return;
  }
  await Promise.all([
    publishFact(voice, cause, emission),
    ...(parts ? [publishReply(voice, cause, 'end', parts)] : []),
  ]);
};

/** Tells an answer as it comes, and stores its outcome; nothing is told that an earlier delivery has told to its end. */
export const tell = async <H extends Hop>(
  voice: Teller,
  cause: Cause,
  heard: Heard,
  telling: AsyncGenerator<string, Out<H>>,
): Promise<void> => {
  const silent = heard.delivery > 1 && (await alreadyTold(voice, heard));
  let text = '';
  let index = 0;
  let timer: NodeJS.Timeout | undefined;
  const sent: Promise<unknown>[] = [];
  const flush = (...ending: Part[]): void => {
    clearTimeout(timer);
    timer = undefined;
    const spoken: Part[] = text ? [{ type: 'text', attempt: heard.delivery, text }, ...ending] : ending;
    text = '';
    if (silent || spoken.length === 0) return;
    const publishing = publishReply(
      voice,
      cause,
      `${heard.delivery}.${index++}`,
      spoken,
      heard.delivery === 1,
    );
    publishing.catch(() => undefined);
    sent.push(publishing);
  };
  try {
    for (;;) {
      const next = await telling.next();
      if (next.done) {
        const emission: Emission<Message> = next.value;
        const end = endPart(emission);
        flush(...(end ? [end] : []));
        await Promise.all([publishFact(voice, cause, emission), ...sent]);
        return;
      }
      text += next.value;
      timer ??= setTimeout(flush, groupMs);
    }
  } finally {
    clearTimeout(timer);
  }
};

/** True when an earlier delivery told the whole answer and died before it could say so. */
const alreadyTold = async ({ bus, bodies }: Teller, heard: Heard): Promise<boolean> => {
  const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
  const last = await jsm.direct
    .getMessage(streamOf.reply, { last_by_subj: subjectOf(reply, heard.tenant, heard.id) })
    // Not knowing is no licence to tell it twice.
    .catch((error) => {
      throw new Unavailable('broker', error);
    });
  if (!last) return false;
  return bodyOf(reply, heard, { headers: last.header, data: last.data }, bodies).parts.some(isEnd);
};

/** What whoever asked wants to be told of the run's coming here, and of what is known by then. */
const arrivalOf = <H extends Hop>({ name: hop, on }: H, pass: Pass, body: In<H>): readonly Part[] => {
  const said: Part[] = pass.steps ? [{ type: 'step', hop }] : [];
  if (!(pass.state || pass.activity)) return said;
  const known = progress.parse(on.headOf(body));
  if (pass.state) said.push({ type: 'state', hop, progress: known });
  const status = on === run.permitted ? 'reading' : on === run.fetched ? 'read' : undefined;
  if (pass.activity && status) said.push({ type: 'activity', status, progress: known });
  return said;
};

/**
 * Tells who wants to know it that the run has come to this hop. Its message id makes it one of a kind within the run: the
 * broker remembers ids for longer than a pass lives, and after its deadline nothing comes here.
 */
export const arrive = async <H extends Hop>(
  voice: Voice,
  contract: H,
  cause: Cause,
  { delivery, pass }: Heard & { readonly pass: Pass },
  body: In<H>,
): Promise<void> => {
  const said = arrivalOf(contract, pass, body);
  if (said.length === 0) return;
  await publishReply(voice, cause, `step.${contract.name}`, said, delivery === 1);
};

/** That a command was carried out, in words: it may have been given in a conversation. */
const spokenOf = ({ message, body }: Emission<Message>): readonly Part[] => {
  if (message !== command.done) return [];
  const { type, locale } = body as Body<typeof command.done>;
  return [{ type: 'text', attempt: 1, text: command.doneText[type][locale] }];
};

/** What the person who asked is told by a message that ends their run; times are those of the zone. */
const endPart = (emission: Emission<Message>, zone = 'UTC'): Part | undefined => {
  if (emission.tell) return emission.tell;
  const { message, body } = emission;
  if (message === run.refused) {
    const { code, locale, intent, limit } = body as Body<typeof run.refused>;
    const beside = { ...(intent ? { intent } : {}), ...(limit ? { limit } : {}) };
    return { type: 'refused', code, message: textOf(code, locale), ...beside };
  }
  if (message === run.failed) {
    const { code, locale } = body as Body<typeof run.failed>;
    return { type: 'failed', code, message: textOf(code, locale) };
  }
  if (message === access.changed) return done((body as Body<typeof access.changed>).action);
  if (message === feedback.recorded) return done('feedback');
  if (message === access.refused) {
    const { code, locale, action: intent } = body as Body<typeof access.refused>;
    return { type: 'refused', code, message: textOf(code, locale), intent };
  }
  if (message === command.done) {
    const { type, appointmentId, version, position } = body as Body<typeof command.done>;
    const item = {
      ...(appointmentId ? { appointmentId } : {}),
      ...(version ? { version } : {}),
      ...(position ? { position } : {}),
    };
    return { ...done(type), ...(appointmentId || position ? { items: [item] } : {}) };
  }
  if (message === command.refused) {
    const { code, locale, type: intent, alternatives } = body as Body<typeof command.refused>;
    if (!alternatives?.length) return { type: 'refused', code, message: textOf(code, locale), intent };
    const message = `${textOf(code, locale)}. ${command.freeText(alternatives, locale, zone)}`;
    return { type: 'refused', code, message, intent, alternatives };
  }
  return message === run.cancelled ? { type: 'cancelled' } : undefined;
};

/** That a command was carried out. */
const done = (intent: string): Extract<Part, { type: 'answered' }> => ({
  type: 'answered',
  confidence: 1,
  usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, processingTimeMs: 0 },
  cached: false,
  degraded: false,
  intent,
});

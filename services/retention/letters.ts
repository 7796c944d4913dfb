import { emit } from '@jangada/hop/hop.ts';
import { messages } from '@jangada/proto/catalogue.ts';
import { core } from '@jangada/proto/envelope.ts';
import {
  goesOn,
  type Letter,
  type ListAsked,
  type ListTold,
  lettersPageSize,
  listAsked,
  type ReplayAsked,
  type ReplayTold,
  replayAsked,
  replayed,
} from '@jangada/proto/letter.ts';
import { type Message, partsOf } from '@jangada/proto/message.ts';
import { deadAt, deadMessages, letterOf, NotReplayed, replay } from '@jangada/runtime/dead-letters.ts';
import { publishFact } from '@jangada/runtime/emit.ts';
import type { Service } from '@jangada/runtime/service.ts';
import { faultFields } from '@jangada/telemetry/log.ts';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';

/**
 * Dead letters, for those who administer a tenant. Who asks is let in by the edge, and the broker lets nobody ask but the
 * edge; the tenant stands in the subject, and no letter of another is told or sent.
 */

/** What a letter says that may be sent on its way from here; undefined for the rest. */
const messageIn = ({ subject }: Letter): Message | undefined =>
  messages.find((message) => goesOn(message) && partsOf(message, subject) !== undefined);

const list = async (jsm: JetStreamManager, tenant: string, { after }: ListAsked): Promise<ListTold> => {
  const found: Letter[] = [];
  for await (const stored of deadMessages(jsm, { after, tenant })) {
    found.push(letterOf(stored));
    if (found.length > lettersPageSize) break;
  }
  const letters = found
    .slice(0, lettersPageSize)
    .map((letter) => ({ ...letter, mayGoOn: messageIn(letter) !== undefined }));
  const last = letters.at(-1);
  return { letters, ...(found.length > lettersPageSize && last ? { next: last.sequence } : {}) };
};

/** Audit hears of it first, once for each letter. */
const sendAgain = async (
  { bus, log, unexpected }: Service,
  jsm: JetStreamManager,
  tenant: string,
  { sequence, actor }: ReplayAsked,
): Promise<ReplayTold> => {
  const stored = await deadAt(jsm, sequence);
  const letter = stored && letterOf(stored);
  if (!letter || letter.tenant !== tenant) return { refused: 'NOT_FOUND' };
  const message = messageIn(letter);
  if (!message) return { refused: 'UNSUPPORTED_MESSAGE' };
  const { hop, run } = letter;
  await publishFact(
    { bus, unexpected },
    { tenant, id: `letter-${sequence}`, pass: undefined, traceparent: '' },
    emit(replayed, { actor, sequence, hop, run, message: message.name }),
  );
  try {
    return { letter: await replay(bus.nc, jsm, stored) };
  } catch (error) {
    if (!(error instanceof NotReplayed)) throw error;
    log.warn(
      { operation: 'replay', runId: run, ...faultFields(error.cause) },
      'a dead letter was not sent whole',
    );
    return error.stays ? { refused: 'UPSTREAM_UNAVAILABLE' } : { letter };
  }
};

/** Answers whoever may ask for them, from now on. */
export const keepLetters = async (service: Service): Promise<void> => {
  const { bus, log } = service;
  const jsm = await jetstreamManager(bus.nc, { checkAPI: false });
  const answer = async (message: Msg): Promise<ListTold | ReplayTold> => {
    const [, what, tenant = ''] = message.subject.split('.');
    const asked: unknown = message.json();
    return what === 'list'
      ? list(jsm, tenant, listAsked.parse(asked))
      : sendAgain(service, jsm, tenant, replayAsked.parse(asked));
  };
  bus.nc.subscribe(core.letters('*', '*'), {
    // Several instances are one keeper.
    queue: service.name,
    callback: (_error, message) => {
      // A reply goes to whoever waits for one, and never to a subject that means something.
      if (!message.reply?.startsWith('_INBOX_')) return;
      answer(message).then(
        (told) => message.respond(JSON.stringify(told)),
        // Whoever asks hears nothing, and says so.
        (error) => log.error({ operation: 'letters', ...faultFields(error) }, 'cannot tell of dead letters'),
      );
    },
  });
};

import { useEffect, useRef } from 'react';
import { Composer } from './composer.tsx';
import { isOver, type Turn } from './conversation.ts';
import { type Asking, Exchange } from './exchange.tsx';
import { Failure, textOf } from './failure.ts';
import { useLanguage } from './language.ts';
import { FailureNotice, Loading } from './notice.tsx';
import type { Language } from './preferences.ts';
import type { Me, Session } from './session.ts';
import { useConversation } from './use-conversation.ts';
import type { Words } from './words/en.ts';

/** Questions and their answers; `thread` is of the conversation that somebody goes back to. */
export const Chat = ({ session, me, thread }: { session: Session; me: Me; thread: string | undefined }) => {
  const { language, words } = useLanguage();
  const w = words.chat;
  const conversation = useConversation(session, me.account, thread);
  const { turns, current, arrival, ask, answer, stop } = conversation;
  const last = turns.at(-1);
  const box = useRef<HTMLTextAreaElement>(null);
  const isTelling = current !== undefined;

  // Whoever pressed what is gone now goes on where one asks.
  useEffect(() => {
    if (!isTelling && last && document.activeElement === document.body) box.current?.focus();
  }, [isTelling, last]);
  const asking: Asking = {
    ask: (text, cursor) => {
      ask(text, cursor);
      box.current?.focus();
    },
    answer: (verdict, given) => {
      answer(verdict, given);
      box.current?.focus();
    },
  };

  return (
    <div className="chat">
      <header className="page-head">
        <h1 tabIndex={-1}>{w.title}</h1>
        {turns.length > 0 && (
          <button
            type="button"
            className="button quiet"
            disabled={isTelling}
            onClick={() => {
              // Its address would bring the old one back.
              location.hash = '#/';
              conversation.begin();
              box.current?.focus();
            }}
          >
            {w.fresh}
          </button>
        )}
      </header>
      {arrival === 'awaited' && <Loading />}
      {arrival instanceof Failure && <FailureNotice failure={arrival} onRetry={conversation.again} />}
      {turns.length === 0 && arrival === 'here' && (
        <section className="greeting">
          <h2>{w.greeting}</h2>
          <p className="lead">{w.lead}</p>
          <h3 className="fine">{w.examples}</h3>
          <ul className="examples">
            {me.suggestions[language].map((example) => (
              <li key={example}>
                <button type="button" className="example" onClick={() => asking.ask(example)}>
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {turns.length > 0 && (
        <section className="log" aria-label={w.log}>
          {turns.map((turn) => (
            <Exchange
              key={turn.first}
              session={session}
              me={me}
              turn={turn}
              asking={asking}
              isBusy={isTelling}
            />
          ))}
        </section>
      )}
      <p className="unseen" role="status">
        {last && isOver(last) ? spoken(last, words, language) : ''}
      </p>
      <Composer
        ref={box}
        last={last?.question}
        isTelling={isTelling}
        onAsk={(text) => ask(text)}
        onStop={stop}
      />
    </div>
  );
};

/** What a screen reader says at the end; until then it is left alone. */
const spoken = (turn: Turn, { chat: w, confirm }: Words, language: Language): string => {
  if (turn.state === 'waiting' && turn.code) return textOf(turn.code, language, turn.code);
  if (turn.state === 'waiting') return `${confirm.title}: ${turn.interrupts[0]?.message ?? ''}`;
  if (turn.state === 'answered') return `${w.answered}: ${turn.text}`;
  return turn.state === 'cancelled' ? w.stopped : w.refused;
};

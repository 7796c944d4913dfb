import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react';
import { Answer } from './answer.tsx';
import { isOver, type Turn } from './conversation.ts';
import { textOf } from './failure.ts';
import { useLanguage } from './language.ts';
import { CodeLine, NextStep, Notice } from './notice.tsx';
import type { Me, Session } from './session.ts';
import { useConversation } from './use-conversation.ts';

/** Questions and their answers. */
export const Chat = ({ session, me }: { session: Session; me: Me }) => {
  const { language, words } = useLanguage();
  const w = words.chat;
  const { turns, current, ask, stop, begin } = useConversation(session, me.account);
  const last = turns.at(-1);

  return (
    <div className="chat">
      <header className="page-head">
        <h1 tabIndex={-1}>{w.title}</h1>
        {turns.length > 0 && (
          <button type="button" className="button quiet" onClick={begin} disabled={current !== undefined}>
            {w.fresh}
          </button>
        )}
      </header>
      {turns.length === 0 ? (
        <section className="greeting">
          <h2>{w.greeting}</h2>
          <p className="lead">{w.lead}</p>
          <h3 className="fine">{w.examples}</h3>
          <ul className="examples">
            {me.suggestions[language].map((example) => (
              <li key={example}>
                <button type="button" className="example" onClick={() => ask(example)}>
                  {example}
                </button>
              </li>
            ))}
          </ul>
        </section>
      ) : (
        <section className="log" aria-label={w.log}>
          {turns.map((turn) => (
            <Exchange key={turn.id} turn={turn} onAsk={ask} isBusy={current !== undefined} />
          ))}
        </section>
      )}
      <p className="unseen" role="status">
        {last && isOver(last) ? spoken(last, w) : ''}
      </p>
      <Composer isTelling={current !== undefined} onAsk={(text) => ask(text)} onStop={stop} />
    </div>
  );
};

/** What a screen reader says at the end; until then it is left alone. */
const spoken = (turn: Turn, w: { answered: string; refused: string; stopped: string }): string => {
  if (turn.state === 'answered') return `${w.answered}: ${turn.text}`;
  return turn.state === 'cancelled' ? w.stopped : w.refused;
};

const Exchange = ({
  turn,
  isBusy,
  onAsk,
}: {
  turn: Turn;
  isBusy: boolean;
  onAsk: (text: string, cursor?: string) => void;
}) => {
  const { words } = useLanguage();
  const w = words.chat;
  const { id, question, state, text, result } = turn;
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (turn) end.current?.scrollIntoView({ block: 'nearest' });
  }, [turn]);

  return (
    <article className="exchange" aria-busy={!isOver(turn)}>
      <h2 className="unseen">{w.you}</h2>
      <p className="asked">{question}</p>
      <h3 className="unseen">{w.answer}</h3>
      <div className="answer">
        {state === 'asked' && (
          <p className="loading">
            <span className="spinner" aria-hidden="true" />
            {w.thinking}
          </p>
        )}
        {text && <Answer text={text} />}
        {state === 'told' && <span className="caret" aria-hidden="true" />}
        {state === 'untold' && <Notice tone="held">{w.untold}</Notice>}
        {state === 'cancelled' && <Notice tone="held">{w.stopped}</Notice>}
        {state === 'refused' && <Refused turn={turn} isBusy={isBusy} onAsk={onAsk} />}
        {isOver(turn) && (
          <footer className="fine beside">
            {result?.cached && <span>{w.cached}</span>}
            {result?.degraded && <span>{w.degraded}</span>}
            <a href={`#/runs/${id}`}>{w.how}</a>
            {result?.nextCursor && (
              <button
                type="button"
                className="button quiet"
                disabled={isBusy}
                onClick={() => onAsk(question, result.nextCursor)}
              >
                {w.more}
              </button>
            )}
          </footer>
        )}
      </div>
      <div ref={end} />
    </article>
  );
};

/** Codes that asking again may change. */
const passing: ReadonlySet<string> = new Set([
  'RATE_LIMITED',
  'OVERLOADED',
  'DEADLINE',
  'UPSTREAM_UNAVAILABLE',
  'INTERNAL',
  'NETWORK',
]);

const Refused = ({
  turn: { code = 'INTERNAL', question },
  isBusy,
  onAsk,
}: {
  turn: Turn;
  isBusy: boolean;
  onAsk: (text: string) => void;
}) => {
  const { language, words } = useLanguage();
  const w = words.chat;
  const isPassing = passing.has(code);
  return (
    <Notice tone={isPassing ? 'bad' : 'held'} title={isPassing ? w.failed : w.refused}>
      <p>{textOf(code, language, words.network)}.</p>
      <NextStep code={code} />
      <CodeLine code={code} />
      {isPassing && (
        <button type="button" className="button quiet" disabled={isBusy} onClick={() => onAsk(question)}>
          {w.askAgain}
        </button>
      )}
    </Notice>
  );
};

const Composer = ({
  isTelling,
  onAsk,
  onStop,
}: {
  isTelling: boolean;
  onAsk: (text: string) => void;
  onStop: () => void;
}) => {
  const { words } = useLanguage();
  const w = words.chat;
  const [text, setText] = useState('');

  const send = (): void => {
    if (!text.trim() || isTelling) return;
    onAsk(text.trim());
    setText('');
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    send();
  };
  const press = (event: KeyboardEvent): void => {
    // Enter also ends a word that an input method composes.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };

  return (
    <form className="composer" onSubmit={submit}>
      <label className="unseen" htmlFor="question">
        {w.question}
      </label>
      <textarea
        id="question"
        rows={1}
        maxLength={2_000}
        placeholder={w.placeholder}
        aria-describedby="question-hint"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={press}
      />
      {isTelling ? (
        <button type="button" className="button stop" onClick={onStop}>
          {w.stop}
        </button>
      ) : (
        <button type="submit" className="button" disabled={!text.trim()}>
          {w.send}
        </button>
      )}
      <p id="question-hint" className="fine">
        {w.hint}
      </p>
    </form>
  );
};
